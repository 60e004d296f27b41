//! One line a message, and all values that it mentions.

use super::values;

#[track_caller]
fn check(table: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (text, expected) in table {
        let mut found = values(text);
        let mut wanted: Vec<String> = expected.iter().map(|e| (*e).to_owned()).collect();
        found.sort();
        wanted.sort();
        if found != wanted {
            wrong.push(format!("{text}\n   wanted {wanted:?}\n   found  {found:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} wrong:\n{}",
        wrong.len(),
        table.len(),
        wrong.join("\n")
    );
}

#[test]
fn phones_in_every_form_people_type() {
    check(&[
        ("call me +971 50 576 0056", &["phone +971505760056"]),
        ("050-576-0056", &["phone +971505760056"]),
        ("my number 0505760056 pls", &["phone +971505760056"]),
        ("00971505760056", &["phone +971505760056"]),
        ("971505760056", &["phone +971505760056"]),
        ("+971 (0) 50 576 0056", &["phone +971505760056"]),
        ("+971(50)5760056", &["phone +971505760056"]),
        ("(050) 576 0056", &["phone +971505760056"]),
        ("050.576.0056", &["phone +971505760056"]),
        (
            "050 5760056 or 04 321 4567",
            &["phone +971505760056", "phone +97143214567"],
        ),
        ("505760056", &["phone +971505760056"]),
        ("رقمي ٠٥٠٥٧٦٠٠٥٦", &["phone +971505760056"]),
        ("رقمي ٠٥٠ ٥٧٦ ٠٠٥٦ تواصل معي", &["phone +971505760056"]),
        ("landline 02-6345678", &["phone +97126345678"]),
        ("toll free 800 4567", &["phone +9718004567"]),
        ("call 600 522 220", &["phone +971600522220"]),
        ("my uk number is +44 7911 123456", &["phone +447911123456"]),
        ("india: +91 98765 43210", &["phone +919876543210"]),
        ("whatsapp 919876543210", &["phone +919876543210"]),
        ("+1 (415) 555-2671", &["phone +14155552671"]),
        ("+966 50 123 4567", &["phone +966501234567"]),
        ("Mob:0551234567", &["phone +971551234567"]),
        ("Tel.: 04-3214567", &["phone +97143214567"]),
        (
            "0501234567/0559876543",
            &["phone +971501234567", "phone +971559876543"],
        ),
        ("wa.me/971501234567", &["url wa.me/971501234567"]),
    ]);
}

#[test]
fn money_is_exact_and_has_its_currency() {
    check(&[
        ("budget 1.5M", &["money AED 1500000"]),
        ("AED 85,000", &["money AED 85000"]),
        ("85,000 AED", &["money AED 85000"]),
        ("aed1.5m", &["money AED 1500000"]),
        ("85k dhs", &["money AED 85000"]),
        ("Dhs. 1,250.50", &["money AED 1250.5"]),
        ("price is 2.75 million dirhams", &["money AED 2750000"]),
        ("rent 75000 yearly", &["money AED 75000"]),
        ("asking price 1,350,000", &["money AED 1350000"]),
        ("$250k", &["money USD 250000"]),
        ("USD 1.2 mn", &["money USD 1200000"]),
        ("€300,000", &["money EUR 300000"]),
        ("£1.1m", &["money GBP 1100000"]),
        ("Rs 50 lakh", &["money INR 5000000"]),
        ("₹2 crore", &["money INR 20000000"]),
        ("my budget is 15 lakhs", &["money AED 1500000"]),
        ("half a million dirhams", &["money AED 500000"]),
        (
            "between 80k and 100k",
            &["money AED 80000", "money AED 100000"],
        ),
        ("1-1.5M budget", &["money AED 1000000", "money AED 1500000"]),
        ("80-90k aed", &["money AED 80000", "money AED 90000"]),
        ("50 fils", &["money AED 0.5"]),
        ("10 dirhams and 50 fils", &["money AED 10.5"]),
        ("السعر ١٫٥ مليون درهم", &["money AED 1500000"]),
        ("ميزانيتي مليون ونص", &["money AED 1500000"]),
        ("85 ألف درهم", &["money AED 85000"]),
        ("الايجار 75 الف سنويا", &["money AED 75000"]),
        ("٥٠٠٠ د.إ", &["money AED 5000"]),
        ("5000 ريال", &["money SAR 5000"]),
        ("one point", &[]),
        ("can you do 1.3M?", &["money AED 1300000"]),
        (
            "I offer 95,000 in 4 cheques",
            &["money AED 95000", "quantity 4 cheques"],
        ),
        ("1 500 000 AED", &["money AED 1500000"]),
        ("10k followers", &["number 10000"]),
        ("deposit of 5000", &["money AED 5000"]),
        ("120k/year", &["money AED 120000"]),
        ("5,500 per month", &["money AED 5500"]),
        ("two hundred thousand dirhams", &["money AED 200000"]),
        (
            "1.2M AED or 1.15M AED cash",
            &["money AED 1200000", "money AED 1150000"],
        ),
    ]);
}

#[test]
fn addresses_keep_their_path_and_lower_their_host() {
    check(&[
        (
            "mail me at John.Smith@Example.COM please",
            &["email John.Smith@example.com"],
        ),
        (
            "see https://www.Bayut.com/Property/details-123.html.",
            &["url https://www.bayut.com/Property/details-123.html"],
        ),
        ("www.propertyfinder.ae", &["url www.propertyfinder.ae"]),
        ("check bayut.com, then call", &["url bayut.com"]),
        (
            "(info+sales@my-agency.co.uk)",
            &["email info+sales@my-agency.co.uk"],
        ),
        (
            "https://maps.app.goo.gl/AbC123?g_st=ic",
            &["url https://maps.app.goo.gl/AbC123?g_st=ic"],
        ),
        ("ok.thanks", &[]),
    ]);
}

#[test]
fn days_and_moments_are_in_the_contacts_zone() {
    check(&[
        ("tomorrow", &["date 2026-02-24"]),
        ("today at 5pm", &["datetime 2026-02-23T17:00"]),
        ("tomorrow at 3", &["datetime 2026-02-24T15:00"]),
        ("tmrw 11am", &["datetime 2026-02-24T11:00"]),
        ("25/02/2026", &["date 2026-02-25"]),
        ("25-02-2026", &["date 2026-02-25"]),
        ("25.02.2026", &["date 2026-02-25"]),
        ("05/06/2026", &["date 2026-06-05"]),
        ("2026-02-25", &["date 2026-02-25"]),
        ("2026-02-25T15:00", &["datetime 2026-02-25T15:00"]),
        ("on 25/02", &["date 2026-02-25"]),
        ("25 Feb", &["date 2026-02-25"]),
        ("Feb 25th, 2026", &["date 2026-02-25"]),
        ("25th of March", &["date 2026-03-25"]),
        ("1st april", &["date 2026-04-01"]),
        ("on the 28th", &["date 2026-02-28"]),
        ("Friday", &["date 2026-02-27"]),
        ("Monday", &["date 2026-03-02"]),
        ("next Friday", &["date 2026-03-06"]),
        ("next monday", &["date 2026-03-02"]),
        ("friday 27 feb at 4:30 pm", &["datetime 2026-02-27T16:30"]),
        ("3pm on Thursday", &["datetime 2026-02-26T15:00"]),
        ("at 4:30pm", &["datetime 2026-02-23T16:30"]),
        ("at 9am", &["datetime 2026-02-24T09:00"]),
        ("15:00", &["datetime 2026-02-23T15:00"]),
        ("9:30 am tomorrow", &["datetime 2026-02-24T09:30"]),
        ("tomorrow morning at 10", &["datetime 2026-02-24T10:00"]),
        ("tomorrow evening at 7", &["datetime 2026-02-24T19:00"]),
        ("tonight at 8", &["datetime 2026-02-23T20:00"]),
        ("day after tomorrow", &["date 2026-02-25"]),
        (
            "tomorrow between 3 and 5 pm",
            &["datetime 2026-02-24T15:00", "datetime 2026-02-24T17:00"],
        ),
        (
            "sat 3-5pm",
            &["datetime 2026-02-28T15:00", "datetime 2026-02-28T17:00"],
        ),
        ("in 2 hours", &["duration PT2H"]),
        ("in half an hour", &["duration PT30M"]),
        ("in 3 days", &["date 2026-02-26"]),
        ("in two weeks", &["date 2026-03-09"]),
        ("3 days ago", &["date 2026-02-20"]),
        ("tomorrow at noon", &["datetime 2026-02-24T12:00"]),
        ("half past 4 tomorrow", &["datetime 2026-02-24T16:30"]),
        ("quarter to 5 pm", &["datetime 2026-02-23T16:45"]),
        ("بكرة الساعة ٥ العصر", &["datetime 2026-02-24T17:00"]),
        ("يوم الخميس", &["date 2026-02-26"]),
        ("الخميس الساعة 10 صباحا", &["datetime 2026-02-26T10:00"]),
        ("غدا الساعة 3 ونص", &["datetime 2026-02-24T15:30"]),
        ("اليوم المسا", &["date 2026-02-23"]),
        ("٢٥ فبراير", &["date 2026-02-25"]),
        ("بعد يومين", &["date 2026-02-25"]),
        ("بعد بكرة", &["date 2026-02-25"]),
        ("see you at 5", &["datetime 2026-02-23T17:00"]),
        ("I paid on 12 Feb", &["date 2026-02-12"]),
        ("open 24/7", &[]),
        ("2moro 4pm", &["datetime 2026-02-24T16:00"]),
    ]);
}

#[test]
fn lengths_of_time() {
    check(&[
        ("2 years contract", &["duration P2Y"]),
        ("for six months", &["duration P6M"]),
        ("a 3-month lease", &["duration P3M"]),
        ("takes 2 weeks", &["duration P2W"]),
        ("30 minutes", &["duration PT30M"]),
        ("an hour and a half", &["duration PT1H30M"]),
        ("1.5 hours", &["duration PT1H30M"]),
        ("2 hrs 30 mins", &["duration PT2H30M"]),
        ("half an hour", &["duration PT30M"]),
        ("a year and a half", &["duration P1Y6M"]),
        ("10 working days", &["duration P10D"]),
        ("عقد سنتين", &["duration P2Y"]),
        ("لمدة 6 شهور", &["duration P6M"]),
        ("4500 a month", &["money AED 4500"]),
    ]);
}

#[test]
fn sizes_shares_and_rooms() {
    check(&[
        ("1,200 sqft", &["area_size 1200 sqft"]),
        ("1200 sq.ft.", &["area_size 1200 sqft"]),
        ("1200sqft", &["area_size 1200 sqft"]),
        ("120 sqm", &["area_size 120 sqm"]),
        ("120 m2", &["area_size 120 sqm"]),
        ("120 m²", &["area_size 120 sqm"]),
        ("1500 square feet", &["area_size 1500 sqft"]),
        ("١٢٠ متر مربع", &["area_size 120 sqm"]),
        ("1200 قدم مربع", &["area_size 1200 sqft"]),
        ("5%", &["percentage 5"]),
        ("2.5 percent", &["percentage 2.5"]),
        ("٥٪ عمولة", &["percentage 5"]),
        ("5 بالمية", &["percentage 5"]),
        ("60/40 payment plan", &[]),
        ("2BR", &["bedrooms 2"]),
        ("2 bhk", &["bedrooms 2"]),
        (
            "three bedroom villa",
            &["bedrooms 3", "property_type villa"],
        ),
        ("1-bed flat", &["bedrooms 1", "property_type apartment"]),
        ("2 or 3 bedrooms", &["bedrooms 2", "bedrooms 3"]),
        ("studio", &["bedrooms 0", "property_type studio"]),
        ("استوديو", &["bedrooms 0", "property_type studio"]),
        (
            "شقة غرفتين وصالة",
            &["property_type apartment", "bedrooms 2"],
        ),
        ("شقة غرفة وصالة", &["property_type apartment", "bedrooms 1"]),
        ("فيلا 4 غرف نوم", &["property_type villa", "bedrooms 4"]),
        ("3 bathrooms", &["quantity 3 bathrooms"]),
        ("5 km from the beach", &["quantity 5 km"]),
        ("4B/R + maid", &["bedrooms 4"]),
    ]);
}

#[test]
fn units_and_references() {
    check(&[
        ("unit 1203", &["unit 1203"]),
        ("Unit #A-1203", &["unit A-1203"]),
        ("unit no. 504", &["unit 504"]),
        ("apt 12B", &["property_type apartment", "unit 12B"]),
        ("villa 23", &["property_type villa", "unit 23"]),
        ("شقة رقم ٥٠٤", &["property_type apartment", "unit 504"]),
        ("#1203", &["unit 1203"]),
        ("villa 3 bedrooms", &["property_type villa", "bedrooms 3"]),
        ("ref 12345", &["reference 12345"]),
        ("Ref no: AB-1234", &["reference AB-1234"]),
        ("permit number 7123456789", &["reference 7123456789"]),
        ("invoice INV-2024-001", &["reference INV-2024-001"]),
        ("INV-2024-001", &["reference INV-2024-001"]),
        ("رقم المرجع 55678", &["reference 55678"]),
        (
            "my eid 784-1990-1234567-1",
            &["reference 784-1990-1234567-1"],
        ),
        ("cheque no 000123", &["reference 000123"]),
    ]);
}

#[test]
fn places_by_all_their_names() {
    check(&[
        ("in JVC", &["location Jumeirah Village Circle"]),
        ("Dubai Marina", &["location Dubai Marina"]),
        ("in marina", &["location Dubai Marina"]),
        ("bussiness bay", &["location Business Bay"]),
        ("busness bay", &["location Business Bay"]),
        (
            "jumeira vilage circle",
            &["location Jumeirah Village Circle"],
        ),
        ("marina gate 2", &["project Marina Gate"]),
        ("دبي مارينا", &["location Dubai Marina"]),
        ("في الخليج التجاري", &["location Business Bay"]),
        ("بدبي مارينا", &["location Dubai Marina"]),
        (
            "Burj Khalifa, Downtown",
            &["project Burj Khalifa", "location Downtown Dubai"],
        ),
        (
            "palm jumeirah or JBR",
            &[
                "location Palm Jumeirah",
                "location Jumeirah Beach Residence",
            ],
        ),
        ("damac hills 2", &["location Damac Hills 2"]),
        (
            "al reem island abu dhabi",
            &["location Al Reem Island", "location Abu Dhabi"],
        ),
        ("business day", &[]),
        ("good view", &[]),
    ]);
}

#[test]
fn people_as_written() {
    check(&[
        ("Hi, I'm Ahmed", &["person Ahmed"]),
        ("my name is John Smith", &["person John Smith"]),
        ("This is Sara from Emaar", &["person Sara"]),
        (
            "please ask Mr. Khalid Al Mansoori",
            &["person Khalid Al Mansoori"],
        ),
        (
            "spoke to Priya yesterday",
            &["person Priya", "date 2026-02-22"],
        ),
        ("أنا محمد", &["person محمد"]),
        ("اسمي سارة", &["person سارة"]),
        ("السيد أحمد المنصوري", &["person أحمد المنصوري"]),
        ("Thanks Olga!", &["person Olga"]),
        ("Hello Team", &[]),
        ("will you call me", &[]),
        ("Dr Fatima will join", &["person Fatima"]),
        ("this is urgent", &[]),
        ("I am looking for a flat", &["property_type apartment"]),
    ]);
}

#[test]
fn whole_messages() {
    check(&[
        (
            "Hi, looking for 2BR in JVC, budget 85k in 4 cheques. Call Ahmed 050-576-0056",
            &[
                "bedrooms 2",
                "location Jumeirah Village Circle",
                "money AED 85000",
                "quantity 4 cheques",
                "person Ahmed",
                "phone +971505760056",
            ],
        ),
        (
            "Unit 1203 Marina Gate, 1,200 sqft, AED 1.9M, viewing tomorrow 5pm?",
            &[
                "unit 1203",
                "project Marina Gate",
                "area_size 1200 sqft",
                "money AED 1900000",
                "datetime 2026-02-24T17:00",
            ],
        ),
        (
            "مرحبا، ابحث عن شقة غرفتين في دبي مارينا بحدود ١٢٠ ألف درهم، رقمي ٠٥٠٥٧٦٠٠٥٦",
            &[
                "property_type apartment",
                "bedrooms 2",
                "location Dubai Marina",
                "money AED 120000",
                "phone +971505760056",
            ],
        ),
    ]);
}

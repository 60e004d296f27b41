//! The words around a number that make it money, a label, or a number like any other.

use crate::table::Set;
use std::sync::LazyLock;

/// Words, to be looked up.
type Words = LazyLock<Set<&'static str>>;

/// Words of prices, near an amount or right before it.
const PRICE: &str = "
price priced budget rent rental asking offer offered offering pay paid paying cost costs worth sell
selling sale sold bought deposit commission fee fees charges charge discount payment transfer
installment instalment value salary total amount balance quote quoted counter reduced op premium
mortgage loan downpayment cash spend afford listed السعر سعر سعره سعرها بسعر ميزانيه ميزانيتي الميزانيه
ميزانيتنا ايجار الايجار ايجارها ادفع ندفع دفعت عرض عرضي العرض بمبلغ مبلغ قيمه بقيمه العموله التامين
نهائي للبيع للايجار الثمن القسط الدفعه
";
/// Words that only near an amount say that it is a price.
const NEAR_ONLY: &str = "
prices buy service negotiable final max maximum min minimum under below above around upto yearly annual
annually monthly cheque cheques chq chqs valued last best reduce lower nett starting dp booking token net roi
income per month year pm pa range between دفع عموله تامين سنوي سنويا شهري شهريا بالسنه حدود بحدود شيكات
ثمن اخر كاش دفعه مقدم
";
/// Words that only right before an amount say that it is money.
const BEFORE_ONLY: &str = "
send sent deducted pays bill billed owe owes refund spent shipping invest withdraw charged fine bills
حولت استثمر وخذ خذ جمعنا ارسلت تحويل الفاتوره sp transferred price's bid lease lowest purchase المبلغ
القيمه ب
";
const SMALL: &str = "
is of at for to around about upto up max maximum under below above was between from the a price approx
approximately only just currently now my our your and min minimum be would will can till almost final
down range security within it like you me them him her us annual yearly monthly starting it's than more
less by on in over حوالي تقريبا هو هي الى الي من بحدود حدود في كان يكون فقط لحد اقصى اقصي لغايه السنوي
سنوي المطلوب عن ما بين النهائي
";
const SMALL_OR_PAYMENT: &str = "
is in on at for to by and or but the if with from was were are has have had will would can could should
not only extra cash max min final plus vat incl including included excluding tax fee fees admin deposit
per each a all ok okay pls please plz today tomorrow yesterday tonight already امس اليوم باجر بكره الحين now yearly of it i we you he she they my so then that
this as because when who which n w y too more less out until till before after still just upfront
monthly annually annual negotiable net instead without than via through thru back down off urgently tmrw
total left right there here again first last overtime commission refund salary deducted balance security
agency service work works furnished unfurnished yet does did do be bas kash badal fi men bel se late early asap also like maybe minus
times? refundable nonrefundable returnable approx sq yd yards yard sqyd في من على علي الى الي او و بس مع كاش نهائي شامل شامله سنويا شهريا سنوي شهري لو عشان بدل هذا حق
للهديه وباقي والباقي فقط كل ما
";

/// A number behind one of them is a name: of a floor, a page, a version, a door.
const NAMED_BY_NUMBER: &str = "
page tower floor floors ext extension code type version phase iphone class model press reply row gate level
cheque step no number option block cluster building galaxy windows form room line terminal route year until
since aged i'm im exit day zone street chapter q parking slot lot group team unit villa flat plot shop office
apartment apt otp pin pod bay pier berth stage grade series v ver vol part section article clause item lane
attempt bld bldg entrance ending belt pump lift elevator shabia shabiya shabiyah district sector cluster zone gym route round week table desk counter annex appendix
schedule figure fig tier grade gen ps xbox euro covid formula top mark slide shelf bin dial hotline tv ver rev draft issue lesson lecture hall
highway photo photos picture pic image lifts channel قبل seat platform flight bus tram quarter season episode season size sa3a طابق الدور دور الطابق
رقم صفحه الصناعيه عمري شارع بلوك سنه عام برج الساعه شقه فيلا وحده مكتب محل قطعه مرحله
";
/// What may stand behind a number that counts nothing in particular.
const BEHIND_A_BARE_NUMBER: &str = "
negotiable nego slightly firm please pls asap this is if and or but was would max final cash for in with from to too only not can at now all ok okay then
please pls because when instead n though today it as last including incl via left more each back net kash unless without
otherwise either by so whatever all neg nego obo each تمام شامل كاش نهائي او و بس مع حلو كثير وايد اخر لو
";
/// Payments: a number near one of them is money even if it is small.
const PAYMENT: &str = "
paid pay paying pays topped awalt awwalt hawalt dafa3t dfa3t sent send transferred transfer charged charge charges charging refund refunded owe owes
owed fee fees fine fined bill bills billed tip salary deducted deposited spent spend
ejari dewa sewa typing chiller reimburse reimbursed repaid collected collect overtime wage wages جمعنا
عموله دفعت ندفع ادفع حولت حولنا ارسلت تحويل سدد سددت سددنا يسدد رسوم راتب الراتب مصاريف الفاتوره الحساب دفع دفعنا استلمت المبلغ
";
/// A message with one of them speaks of flats and those who live in them.
const TALK_OF_DOORS: &str = "
key keys fob flat flats tenant tenants rent rented vacant vacated vacate unit units apartment apartments floor
view viewing viewings tenancy face landlord occupied leased access door lobby look open building sold leased status price ac leak leaking water
maintenance balcony kitchen dewa ejari chiller neighbour neighbor noise cleaning handover snagging owner
neighbours neighbors smoke smell guard visitor visitors parcel resident residents electricity water live lives living noisy party dog electrician technician ladder remote market layout complained couple family guy painted repaint plumber guest dripping tower shift shifted bounced handyman helper smoking shaft duct
pics photos pictures video videos floorplan brochure listing listed available furnished bedroom br bhk mou lease tenancy inspection plumber eviction renewal parking guest checkout
شقه الشقه مستاجر المستاجر مستاجره جيران الجيران الجار ساكن ساكنين ازعاج الكهرباء مويه الماي مفتاح المفتاح مفاتيح المالك التكييف تسريب الوحده وحده
";
const IN_FRONT_OF_A_DOOR: &str = "
of for in at open viewing viewings view see does is to from status keys key tenant out and access visit show floor rented
leased about bill meter with re regarding check fix our mine or both guest owner inspect clean vacate
as into have شقه في مفتاح عن مفاتيح للشقه مستاجر المستاجر ساكن جار بشقه الشقه
";
const RIGHT_BEHIND_A_DOOR: &str = "
is has on in was today directly paid face with and by are please pls vacant for to n or at still now from will
tomorrow asap got free or bounced every empty smells waiting but into who or says عند ما يقول قال طلب sold rented not moved yet occupied available ready tmrw again since needs wants stop stops leaks complained
complains says said called pays can could should be stopped left tenant owner ac leaking keys key فيها في فاضيه مع
";

/// A sentence with one of them speaks of money.
const TALK_OF_MONEY: &str = "
asked asks wants want quoted quote quotes bucks quid dirham dirhams dhs aed expensive cheap cheaper money cash
change wallet balance advance token expenses expense dues due bought buys buying sells selling sold cost costs
costing worth bid offered offers counter countered gave give giving bargain discount less price prices rent bill
invoice invoices wage labour labor materials per total estimate estimated estimation deal amount budget maximum neg nego negotiable obo
flous feloos flos kam b3t بكم فلوس فلوسي درهم دراهم حساب الحساب رصيد خصم غالي رخيص يطلب طالب طلب يبي يبغي
اعطيك اعطيته عطيته يساوي تكلفه كلف كلفني ثمنه بعته اشتريته اشتري بعت دفعه مبلغ سعر السعر تكلفني
";

/// Things and work that cost less than a thousand, unlike a flat.
const GOODS: &str = "
machine microwave cooker freezer heater dryer repair repairs repaired fix fixing plumber electrician carpenter painter driver taxi uber ride fuel petrol hour hours
visit delivery shipping courier tip grocery groceries bill petty printer ink paper chairs chair table tables sofa fridge
bed mattress oven washer tv phone laptop bike item items tile tiles box boxes carton bag bags bottle bottles piece
pieces pcs kg meal combo burger lunch dinner cake coffee ticket tickets haircut massage cleaning cleaner maid helper
gas labour labor installation install service fine penalty driver's technician gardener plan subscription
internet wifi tv netflix membership gym class lesson تصليح صيانه سباك كهربائي توصيل تاكسي غرامه للزياره زياره كراسي طاوله
بلاط كرتون تنظيف خدامه سائق اشتراك
";
/// Words of flats and those who trade them: a small number near them may be thousands cut short.
const PROPERTY_TALK: &str = "
rent rental lease landlord tenant flat flats villa villas apartment unit tower sqft bhk br bed beds bedroom owner
seller buyer premium asking cheques cheque chqs rera villa's psf sale sell studio office shop warehouse ايجار الايجار
شقه فيلا المالك الموجر البايع المشتري شيكات دفعات
";

fn words(lists: &[&'static str]) -> Set<&'static str> {
    let words = lists.iter().flat_map(|list| list.split_whitespace());
    words.collect()
}

/// Near an amount, they say that it is a price.
pub(super) static NEAR: Words = LazyLock::new(|| words(&[PRICE, NEAR_ONLY]));
/// Right before an amount, apart from [`BETWEEN`], they say that it is money.
pub(super) static BEFORE: Words = LazyLock::new(|| words(&[PRICE, BEFORE_ONLY]));
/// Small words that may stand between one of [`BEFORE`] and its amount.
pub(super) static BETWEEN: Words = LazyLock::new(|| words(&[SMALL]));
/// A message with one of them speaks of flats.
pub(super) static DOOR_TALK: Words = LazyLock::new(|| words(&[TALK_OF_DOORS]));
/// Words right before a bare door number.
pub(super) static BEFORE_A_DOOR: Words = LazyLock::new(|| words(&[IN_FRONT_OF_A_DOOR]));
/// Words right behind a bare door number, which it does not count.
pub(super) static BEHIND_A_DOOR: Words = LazyLock::new(|| words(&[RIGHT_BEHIND_A_DOOR]));
/// A number behind one of them is a name.
pub(super) static NUMBERED: Words = LazyLock::new(|| words(&[NAMED_BY_NUMBER]));
/// What may stand behind a number that counts nothing.
pub(super) static BEHIND_BARE: Words = LazyLock::new(|| words(&[BEHIND_A_BARE_NUMBER]));
/// A number near one of them is money even if it is small.
pub(super) static PAYMENTS: Words = LazyLock::new(|| words(&[PAYMENT]));
/// A number that stands alone in a sentence with one of them is money.
pub(super) static MONEY_TALK: Words = LazyLock::new(|| words(&[PRICE, PAYMENT, TALK_OF_MONEY]));
/// Things and work that cost little.
pub(super) static SMALL_GOODS: Words = LazyLock::new(|| words(&[GOODS]));
/// A message with one of them may leave thousands unsaid.
pub(super) static PROPERTY: Words = LazyLock::new(|| words(&[PROPERTY_TALK]));
/// Small words and kinds of payment: what a number does not count.
pub(super) static UNCOUNTED: Words = LazyLock::new(|| words(&[SMALL_OR_PAYMENT]));

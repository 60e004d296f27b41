//! The words around an amount that make it money, or do not.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Words, to be looked up.
type Words = LazyLock<HashSet<&'static str>>;

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
annually monthly cheque cheques chq chqs valued last best reduce lower starting dp booking token net roi
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
per each a all ok okay pls please today tomorrow now yearly of it i we you he she they my so then that
this as because when who which n w y too more less out until till before after still just upfront
monthly annually annual negotiable net instead without than via through thru back down off urgently tmrw
total left right there here again first last overtime commission refund salary deducted balance security
agency service yet does did do be bas kash badal fi men bel se late early asap also like maybe minus
times? في من على علي الى الي او و بس مع كاش نهائي شامل شامله سنويا شهريا سنوي شهري لو عشان بدل هذا حق
للهديه فقط كل ما
";

fn words(lists: &[&'static str]) -> HashSet<&'static str> {
    let words = lists.iter().flat_map(|list| list.split_whitespace());
    words.collect()
}

/// Near an amount, they say that it is a price.
pub(super) static NEAR: Words = LazyLock::new(|| words(&[PRICE, NEAR_ONLY]));
/// Right before an amount, apart from [`BETWEEN`], they say that it is money.
pub(super) static BEFORE: Words = LazyLock::new(|| words(&[PRICE, BEFORE_ONLY]));
/// Small words that may stand between one of [`BEFORE`] and its amount.
pub(super) static BETWEEN: Words = LazyLock::new(|| words(&[SMALL]));
/// Small words and kinds of payment: what a number does not count.
pub(super) static UNCOUNTED: Words = LazyLock::new(|| words(&[SMALL_OR_PAYMENT]));

//! Documents as people send them.

use crate::make::{docx, pdf_page, workers, xlsx};
use bytes::Bytes;
use waypost_media::{Kind, Reading};

async fn read(file: Vec<u8>, name: &str) -> Reading {
    workers()
        .read(Bytes::from(file), Some(name))
        .await
        .unwrap()
        .0
        .reading
}

#[tokio::test]
async fn a_price_list_in_a_workbook() {
    let sheet = r#"<sheetData>
        <row r="2"><c r="B2" t="inlineStr"><is><t>Unit</t></is></c><c r="C2" t="inlineStr"><is><t>Price</t></is></c></row>
        <row r="3"><c r="B3"><v>1203</v></c><c r="C3"><v>1500000.5</v></c></row>
        <row r="5"><c r="B5" t="b"><v>1</v></c></row></sheetData>"#;
    let reading = read(xlsx(sheet), "prices.xlsx").await;
    assert_eq!(reading.kind, Some(Kind::Document));
    assert_eq!(reading.tables[0].name, "Units");
    assert_eq!(
        reading.tables[0].rows,
        [
            ["Unit", "Price"],
            ["1203", "1500000.5"],
            ["", ""],
            ["TRUE", ""]
        ]
    );
    assert!(reading.text.starts_with("Unit\tPrice\n1203\t1500000.5"));
}

#[tokio::test]
async fn a_letter_with_a_table() {
    let body = "<w:p><w:r><w:t>Dear Ana,</w:t></w:r></w:p>\
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>Rent</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>AED </w:t></w:r><w:r><w:t>90,000</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
        <w:p><w:r><w:t>Best</w:t><w:br/><w:t>Bob</w:t></w:r></w:p>";
    let reading = read(docx(body), "letter.docx").await;
    assert_eq!(reading.text, "Dear Ana,\nRent\tAED 90,000\nBest\nBob");
    assert_eq!(reading.tables[0].rows, [["Rent", "AED 90,000"]]);
}

#[tokio::test]
async fn an_invoice_in_a_pdf() {
    let mut draw = String::from("BT /F1 12 Tf 72 770 Td (Invoice 4711) Tj ET\n");
    for (row, cells) in [["Item", "Amount"], ["Deposit", "5,000"]]
        .iter()
        .enumerate()
    {
        let y = 700 - 20 * row;
        for (column, cell) in cells.iter().enumerate() {
            let x = 72 + 150 * column;
            draw.push_str(&format!("{x} {} 150 20 re S\n", y - 6));
            draw.push_str(&format!("BT /F1 12 Tf {} {y} Td ({cell}) Tj ET\n", x + 4));
        }
    }
    let reading = read(pdf_page(&draw), "invoice.pdf").await;
    assert_eq!(reading.text, "Invoice 4711\nItem\tAmount\nDeposit\t5,000");
    assert_eq!(
        reading.tables[0].rows,
        [["Item", "Amount"], ["Deposit", "5,000"]]
    );
}

#[tokio::test]
async fn a_file_of_another_kind_is_named_as_such() {
    let error = workers()
        .read(Bytes::from_static(b"MZ\0\0"), Some("setup.exe"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not read"), "{error}");
}

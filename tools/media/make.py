"""Writes the files that the reading of media is measured on, and what is in them.

    python make.py FOLDER MESSAGES.jsonl

FOLDER gets the files and `expected.json`. Screens and some PDFs are rendered by Chromium, the rest is
written by openpyxl, python-docx, reportlab and Python's csv. Everything follows from one seed.
"""

import csv
import datetime
import html
import io
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import docx
import openpyxl
from PIL import Image, ImageDraw, ImageFilter
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle
from reportlab.lib.styles import getSampleStyleSheet

SEED = 4711
CHROMIUM = "/usr/bin/chromium"
NAMES = ["Ana Haddad", "Omar Said", "Priya Nair", "John Miller", "Layla Karim", "Wei Chen", "Maria Lopez"]
AREAS = ["Dubai Marina", "JVC", "Downtown", "Al Barsha", "Business Bay", "Palm Jumeirah", "Mirdif"]
HEADS = ["Unit", "Area", "Beds", "Price", "Agent", "Note", "Floor", "Ready"]
WORDS = "the flat has a sea view and two parking spaces near metro keys are with security please call before"


class Maker:
    def __init__(self, folder, messages):
        self.folder = folder
        self.dice = random.Random(SEED)
        self.english, self.arabic = split(messages)
        self.expected = {"ocr": [], "tables": [], "pdf_text": [], "pictures": []}

    # Chromium.

    def chromium(self, page, *flags):
        with tempfile.TemporaryDirectory() as home:
            source = pathlib.Path(home) / "page.html"
            source.write_text(page, encoding="utf-8")
            command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                       "--no-first-run", "--disable-background-networking", f"--user-data-dir={home}/profile",
                       *flags, source.as_uri()]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)

    def screenshot(self, name, page, width, height, scale):
        target = self.folder / f"{name}.png"
        self.chromium(page, f"--window-size={width},{height}", f"--force-device-scale-factor={scale}",
                      f"--screenshot={target}")
        return target

    # Pictures with text.

    def chats(self, count, lines, language):
        for number in range(count):
            dark = number % 3 == 2
            scale = [1, 2, 3][number % 3] if language == "english" else 2
            texts = [self.dice.choice(lines) for _ in range(5)]
            who = self.dice.choice(NAMES)
            bubbles, said = [], [who]
            for at, text in enumerate(texts):
                time = f"{9 + at}:{self.dice.randrange(10, 60)}"
                side = "out" if at % 2 else "in"
                bubbles.append(f'<div class="b {side}">{html.escape(text)}<span>{time}</span></div>')
                said += [text, time]
            page = CHAT.format(theme="dark" if dark else "light", who=html.escape(who),
                               direction="rtl" if language == "arabic" else "ltr", bubbles="".join(bubbles))
            name = f"chat-{language}-{number:02}"
            target = self.screenshot(name, page, 390, 844, scale)
            if number % 2:
                picture = Image.open(target).convert("RGB")
                target.unlink()
                target = target.with_suffix(".jpg")
                picture.save(target, quality=80)
            self.expected["ocr"].append({"file": target.name, "set": f"chat, {language}", "text": " ".join(said)})

    def letters(self, count):
        for number in range(count):
            lines = [self.dice.choice(self.english) for _ in range(6)]
            who = self.dice.choice(NAMES)
            title = f"Offer no. {self.dice.randrange(1000, 9999)}"
            price = f"AED {self.dice.randrange(40, 900) * 1000:,}"
            body = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
            page = LETTER.format(font=["serif", "sans-serif"][number % 2], title=title, who=who, body=body, price=price)
            target = self.screenshot(f"letter-{number:02}", page, 794, 1123, [1, 1.5, 2][number % 3])
            text = " ".join([title, f"Dear {who},", *lines, f"Total: {price}"])
            self.expected["ocr"].append({"file": target.name, "set": "document, english", "text": text})

    # Tables.

    def cells(self, rows, columns):
        heads = self.dice.sample(HEADS, columns)
        table = [heads]
        for _ in range(rows):
            table.append([self.cell(head) for head in heads])
        return table

    def cell(self, head):
        dice = self.dice
        return {
            "Unit": lambda: str(dice.randrange(101, 3999)),
            "Area": lambda: dice.choice(AREAS),
            "Beds": lambda: str(dice.randrange(0, 6)),
            "Price": lambda: f"{dice.randrange(300, 9000) * 1000:,}",
            "Agent": lambda: dice.choice(NAMES),
            "Note": lambda: " ".join(dice.sample(WORDS.split(), dice.randrange(1, 6))),
            "Floor": lambda: str(dice.randrange(1, 60)),
            "Ready": lambda: f"{dice.randrange(1, 28):02}/{dice.randrange(1, 12):02}/2026",
        }[head]()

    def table(self, name, kind, *tables):
        self.expected["tables"].append({"file": name, "kind": kind, "tables": list(tables)})

    def workbooks(self, count):
        for number in range(count):
            book = openpyxl.Workbook()
            book.remove(book.active)
            tables = []
            for sheet_number in range(1 + number % 3):
                sheet = book.create_sheet(f"Sheet {sheet_number + 1}")
                rows = [["Name", "Amount", "Share", "When", "At", "Open", "Note"]]
                sheet.append(rows[0])
                for line in range(2, 8 + number):
                    amount = self.dice.choice([self.dice.randrange(10**7), round(self.dice.uniform(0, 10**5), 2)])
                    share = round(self.dice.uniform(0, 1), 3)
                    day = datetime.date(2020, 1, 1) + datetime.timedelta(days=self.dice.randrange(3000))
                    at = datetime.datetime(2026, 2, self.dice.randrange(1, 28), self.dice.randrange(24), 30)
                    is_open = self.dice.random() < 0.5
                    note = self.dice.choice(["", "see <b> & call", "شقة", "a\nb", " ".join(WORDS.split()[:7])])
                    values = [self.dice.choice(NAMES), amount, share, day, at, is_open, note or None]
                    for column, value in enumerate(values, 1):
                        sheet.cell(line, column, value)
                    sheet.cell(line, 3).number_format = "0.0%"
                    sheet.cell(line, 4).number_format = ["yyyy-mm-dd", "dd/mm/yyyy", "d-mmm-yy"][number % 3]
                    shown_at = at.strftime("%Y-%m-%dT%H:%M") if at.hour or at.minute else at.strftime("%Y-%m-%d")
                    rows.append([values[0], plain(amount), plain(share), day.isoformat(), shown_at,
                                 "TRUE" if is_open else "FALSE", note])
                tables.append(rows)
            name = f"book-{number:02}.xlsx"
            book.save(self.folder / name)
            self.table(name, "xlsx", *tables)

    def lists(self, count):
        for number in range(count):
            rows = self.cells(5 + number, 3 + number % 4)
            if number % 4 == 1:
                rows[1][0] = 'say "hi", then\nleave; now'
            delimiter = [",", ";", "\t", "|"][number % 4]
            encoding = ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1256"][number % 5]
            if encoding == "cp1252":
                rows[2][0] = "Café Zürich, François Müller"
            if encoding == "cp1256":
                for row, word in zip(rows[1:], ["شقة للبيع", "فيلا في جميرا", "مكتب للإيجار", "دبي مارينا"]):
                    row[-1] = word
            out = io.StringIO()
            csv.writer(out, delimiter=delimiter, lineterminator=["\n", "\r\n"][number % 2]).writerows(rows)
            name = f"list-{number:02}.csv"
            (self.folder / name).write_bytes(out.getvalue().encode(encoding))
            self.table(name, "csv", rows)

    def papers(self, count):
        for number in range(count):
            paper = docx.Document()
            paper.add_heading(f"Offer {number}", 1)
            paper.add_paragraph(self.dice.choice(self.english))
            tables = []
            for _ in range(1 + number % 2):
                rows = self.cells(3 + number, 3 + number % 3)
                rows[1][-1] = "first line\nsecond line"
                grid = paper.add_table(rows=len(rows), cols=len(rows[0]))
                if number % 2:
                    grid.style = "Table Grid"
                for row, line in zip(rows, grid.rows):
                    for text, cell in zip(row, line.cells):
                        parts = text.split("\n")
                        cell.text = parts[0]
                        for part in parts[1:]:
                            cell.add_paragraph(part)
                tables.append(rows)
                paper.add_paragraph("Thank you & see you.")
            name = f"paper-{number:02}.docx"
            paper.save(self.folder / name)
            self.table(name, "docx", *tables)

    def printed(self, count):
        """PDFs as a browser prints them, with their text."""
        for number in range(count):
            rows = self.cells(4 + number, 3 + number % 4)
            before = [self.dice.choice(self.english) for _ in range(3)]
            border = ["1px solid #888", "0", "2px solid black"][number % 3]
            body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows)
            above = "".join(f"<p>{html.escape(line)}</p>" for line in before)
            page = PRINT.format(border=border, above=above, body=body, direction="ltr")
            name = f"print-{number:02}.pdf"
            self.chromium(page, "--no-pdf-header-footer", f"--print-to-pdf={self.folder / name}")
            self.table(name, "pdf, browser, " + ("no grid" if border == "0" else "grid"), rows)
            said = " ".join(before + [cell for row in rows for cell in row])
            self.expected["pdf_text"].append({"file": name, "set": "english", "text": said})

    def printed_arabic(self, count):
        for number in range(count):
            lines = [self.dice.choice(self.arabic) for _ in range(6)]
            above = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
            page = PRINT.format(border="0", above=above, body="", direction="rtl")
            name = f"print-arabic-{number:02}.pdf"
            self.chromium(page, "--no-pdf-header-footer", f"--print-to-pdf={self.folder / name}")
            self.expected["pdf_text"].append({"file": name, "set": "arabic", "text": " ".join(lines)})

    def reports(self, count):
        """PDFs as a reporting library writes them."""
        styles = getSampleStyleSheet()
        for number in range(count):
            rows = self.cells(4 + number * 2, 3 + number % 4)
            style = [("GRID", (0, 0), (-1, -1), 0.5, colors.black)] if number % 2 == 0 else []
            style.append(("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"))
            name = f"report-{number:02}.pdf"
            SimpleDocTemplate(str(self.folder / name), pagesize=A4).build([
                Paragraph(f"Report {number}", styles["Title"]),
                Paragraph(self.dice.choice(self.english).replace("&", "and").replace("<", ""), styles["Normal"]),
                Spacer(1, 12),
                Table(rows, style=TableStyle(style)),
            ])
            self.table(name, "pdf, library, " + ("grid" if number % 2 == 0 else "no grid"), rows)

    # Pictures to know again.

    def pictures(self, count):
        bases = []
        for number in range(count):
            seed = self.dice.randrange(1 << 30)
            scene = draw(random.Random(seed), 0)
            bases.append((f"scene-{number:02}", scene))
            if number % 2 == 0:
                # The same place with other things in it: alike, and not the same.
                bases.append((f"scene-{number:02}-near", draw(random.Random(seed), 1)))
        for screen in sorted(self.folder.glob("chat-english-*"))[:16]:
            bases.append((f"{screen.stem}-screen", Image.open(screen).convert("RGB")))
        for screen in sorted(self.folder.glob("letter-*"))[:10]:
            bases.append((f"{screen.stem}-page", Image.open(screen).convert("RGB")))
        for base, picture in bases:
            self.keep(base, base, picture, 92)
            w, h = picture.size
            cut = lambda low, high: self.dice.uniform(low, high)
            self.keep(base, "recoded", picture, 35)
            self.keep(base, "half", picture.resize((w // 2, h // 2)), 75)
            self.keep(base, "larger", picture.resize((w * 13 // 10, h * 13 // 10)), 80)
            self.keep(base, "cut-one", picture.crop((int(w * cut(0.05, 0.15)), 0, w, h)), 80)
            self.keep(base, "cut-all", picture.crop((int(w * cut(0.02, 0.1)), int(h * cut(0.02, 0.1)),
                                                    int(w * cut(0.9, 0.98)), int(h * cut(0.9, 0.98)))), 70)
            part = picture.crop((0, int(h * cut(0.1, 0.2)), w, int(h * cut(0.85, 1.0))))
            self.keep(base, "cut-small", part.resize((part.width * 2 // 3, part.height * 2 // 3)), 60)

    def keep(self, base, variant, picture, quality):
        name = f"pic-{base}-{variant}.jpg" if variant != base else f"pic-{base}.jpg"
        picture.save(self.folder / name, quality=quality)
        self.expected["pictures"].append({"file": name, "of": base, "variant": "" if variant == base else variant})


def draw(dice, other):
    """A scene of light, shapes and grain. With `other` the ground stays and the shapes in front change."""
    w, h = dice.choice([(640, 480), (480, 640), (800, 450)])
    top, low = [tuple(dice.randrange(30, 230) for _ in range(3)) for _ in range(2)]
    picture = Image.new("RGB", (w, h))
    pen = ImageDraw.Draw(picture)
    for y in range(h):
        pen.line((0, y, w, y), fill=tuple(a + (b - a) * y // h for a, b in zip(top, low)))
    things = [(dice.random(), dice.random(), dice.uniform(0.05, 0.3), dice.randrange(3),
               tuple(dice.randrange(256) for _ in range(3))) for _ in range(dice.randrange(9, 16))]
    if other:
        kept = len(things) // 2
        things = things[:kept] + [(dice.random(), dice.random(), dice.uniform(0.05, 0.3), dice.randrange(3),
                                   tuple(dice.randrange(256) for _ in range(3))) for _ in things[kept:]]
    for x, y, size, kind, colour in things:
        box = (x * w, y * h, x * w + size * w, y * h + size * h)
        if kind == 0:
            pen.ellipse(box, fill=colour)
        elif kind == 1:
            pen.rectangle(box, fill=colour)
        else:
            pen.polygon([(box[0], box[3]), ((box[0] + box[2]) / 2, box[1]), (box[2], box[3])], fill=colour)
    grain = Image.effect_noise((w, h), 40).convert("RGB")
    return Image.blend(picture.filter(ImageFilter.GaussianBlur(1.2)), grain, 0.08)


def plain(number):
    return str(number) if isinstance(number, int) else format(number, "f").rstrip("0").rstrip(".")


def split(messages):
    """Lines of plain English, and of Arabic letters only."""
    english, arabic = [], []
    for line in messages.read_text(encoding="utf-8").splitlines():
        text = " ".join(json.loads(line)["text"].split())
        if not 15 <= len(text) <= 140:
            continue
        if text.isascii():
            english.append(text)
        elif any("\u0600" <= c <= "\u06ff" for c in text) and not any(c.isascii() and c.isalpha() for c in text) \
                and all(ord(c) < 0x700 for c in text):
            arabic.append(text)
    return english, arabic


CHAT = """<!doctype html><meta charset=utf-8><style>
body {{ margin: 0; font: 15px "Noto Sans", "Noto Sans Arabic", sans-serif; }}
body.light {{ background: #efeae2; color: #111; }} body.dark {{ background: #0b141a; color: #e9edef; }}
header {{ padding: 14px 16px; font-size: 17px; font-weight: 600; }}
.light header {{ background: #f0f2f5; }} .dark header {{ background: #202c33; }}
.b {{ max-width: 270px; width: fit-content; margin: 8px 12px; padding: 8px 10px; border-radius: 8px; line-height: 20px; }}
.b span {{ display: block; font-size: 11px; text-align: right; opacity: .7; }}
.light .in {{ background: #fff; }} .light .out {{ background: #d9fdd3; }}
.dark .in {{ background: #202c33; }} .dark .out {{ background: #005c4b; }}
.out {{ margin-inline-start: auto; }}
</style><body class={theme} dir={direction}><header>{who}</header>{bubbles}</body>"""

LETTER = """<!doctype html><meta charset=utf-8><style>
body {{ margin: 60px; font: 16px "Noto {font}", {font}; background: white; color: #111; }} p {{ line-height: 1.5; }}
</style><h1>{title}</h1><p>Dear {who},</p>{body}<p><b>Total: {price}</b></p>"""

PRINT = """<!doctype html><meta charset=utf-8><style>
body {{ font: 12px "Noto Sans", "Noto Sans Arabic", sans-serif; }}
table {{ border-collapse: collapse; }} td {{ border: {border}; padding: 4px 14px; white-space: nowrap; }}
</style><body dir={direction}>{above}<table>{body}</table></body>"""


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    maker = Maker(folder, pathlib.Path(sys.argv[2]))
    maker.chats(24, maker.english, "english")
    maker.chats(8, maker.arabic, "arabic")
    maker.letters(15)
    maker.workbooks(15)
    maker.lists(16)
    maker.papers(12)
    maker.printed(12)
    maker.printed_arabic(6)
    maker.reports(8)
    maker.pictures(24)
    (folder / "expected.json").write_text(json.dumps(maker.expected, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

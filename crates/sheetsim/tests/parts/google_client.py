"""Google's own client against the stand-in: prints what it saw as one JSON object.

usage: python google_client.py BASE_URL TOKEN_URL CREDENTIALS_JSON SPREADSHEET
"""

import json
import sys

from google.oauth2 import credentials, service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

base, token_url, path, book = sys.argv[1:]
SCOPES = ["https://www.googleapis.com/auth/spreadsheets"]
with open(path, encoding="utf-8") as file:
    known = json.load(file)
if known["type"] == "service_account":
    who = service_account.Credentials.from_service_account_info(known, scopes=SCOPES)
else:
    who = credentials.Credentials(
        None,
        refresh_token=known["refresh_token"],
        client_id=known["client_id"],
        client_secret=known["client_secret"],
        token_uri=token_url,
        scopes=SCOPES,
    )
# The document is the one that the client ships; only the address is ours.
sheets = build(
    "sheets",
    "v4",
    credentials=who,
    client_options={"api_endpoint": base},
    cache_discovery=False,
    static_discovery=True,
).spreadsheets()
values = sheets.values()
seen = {}


def append(rows):
    return values.append(
        spreadsheetId=book,
        range="'My Leads'!A1",
        valueInputOption="RAW",
        insertDataOption="INSERT_ROWS",
        body={"values": rows},
    ).execute()


def refused(call):
    try:
        call()
    except HttpError as error:
        return {"status": error.resp.status, "reason": error.reason}
    return None


info = sheets.get(spreadsheetId=book).execute()
seen["title"] = info["properties"]["title"]
seen["tabs"] = [tab["properties"]["title"] for tab in info["sheets"]]
seen["header"] = append([["id", "name"]])["updates"]["updatedRange"]
seen["rows"] = append([["1", "Ana"], ["2", "=1+1"], ["3", 7]])["updates"]["updatedRange"]
values.update(
    spreadsheetId=book,
    range="'My Leads'!B2",
    valueInputOption="RAW",
    body={"values": [["Ana Maria"]]},
).execute()
values.batchUpdate(
    spreadsheetId=book,
    body={
        "valueInputOption": "RAW",
        "data": [{"range": "'My Leads'!C1", "values": [["note"]]}],
    },
).execute()
sheets.batchUpdate(
    spreadsheetId=book,
    body={
        "requests": [
            {
                "deleteDimension": {
                    "range": {
                        "sheetId": info["sheets"][0]["properties"]["sheetId"],
                        "dimension": "ROWS",
                        "startIndex": 2,
                        "endIndex": 3,
                    }
                }
            }
        ]
    },
).execute()
seen["read"] = values.get(spreadsheetId=book, range="My Leads").execute()["values"]
seen["columns"] = values.batchGet(
    spreadsheetId=book, ranges=["'My Leads'!A:A", "'My Leads'!B1:B2"], majorDimension="COLUMNS"
).execute()["valueRanges"]
seen["empty"] = "values" in values.get(spreadsheetId=book, range="Other").execute()
seen["no_book"] = refused(lambda: sheets.get(spreadsheetId="nowhere").execute())
seen["no_tab"] = refused(lambda: values.get(spreadsheetId=book, range="Nowhere!A1").execute())
seen["outside"] = refused(
    lambda: values.update(
        spreadsheetId=book,
        range="Other!A1",
        valueInputOption="RAW",
        body={"values": [["a", "b"]]},
    ).execute()
)
print(json.dumps(seen))

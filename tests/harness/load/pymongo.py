"""One writer of the load on MongoDB, through PyMongo: pymongo.rs starts it, and speaks with it by lines.

The first line it is given says where the database is, and holds the password: neither arguments nor the environment do. Each
line after that is a document to insert, `WRITER NUMBER`, and is answered when the driver is done with it: `NUMBER STATE WHY`.
It ends when there is nothing more to read.
"""

import json
import sys

from bson.int64 import Int64
from pymongo import MongoClient
from pymongo.errors import PyMongoError, ServerSelectionTimeoutError


def say(*words):
    # An error may be many lines.
    print(*(" ".join(str(word).split()) for word in words), flush=True)


def became(error):
    """The same rules as in mongodb.rs. The driver tells of a first attempt's error where a second one found no primary."""
    if isinstance(error, ServerSelectionTimeoutError):
        return "failed never sent:"
    return "failed" if error.has_error_label("NoWritesPerformed") else "unknown"


def write(collection, line):
    writer, number = line.split()
    try:
        collection.insert_one({"_id": f"{writer}/{number}", "writer": writer, "number": Int64(number)})
        say(number, "acknowledged")
    except PyMongoError as error:
        say(number, became(error), type(error).__name__, error)


def main():
    settings = json.loads(sys.stdin.readline())
    collection = MongoClient(**settings["client"])[settings["database"]][settings["collection"]]
    try:
        collection.find_one({})
    except PyMongoError as error:
        return say("no", type(error).__name__, error)
    say("ready")
    for line in sys.stdin:
        write(collection, line)


if __name__ == "__main__":
    main()

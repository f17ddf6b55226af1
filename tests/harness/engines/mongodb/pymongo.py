"""One writer of the load on MongoDB, through PyMongo: pymongo.rs starts it, and exchanges lines with it.

The first line it reads holds the database's address and password, which neither arguments nor the environment should hold. Each
line after that is a document to insert, `WRITER NUMBER`, and is answered when the driver is done with it: `NUMBER STATE WHY`.
The program ends at the end of its input.
"""

import json
import sys

from bson.int64 import Int64
from pymongo import MongoClient
from pymongo.errors import PyMongoError, ServerSelectionTimeoutError


def answer(*words):
    # An error may be many lines.
    print(*(" ".join(str(word).split()) for word in words), flush=True)


def state_of(error):
    """The same rules as in client.rs. Where the second attempt found no primary, the driver reports the error of the first."""
    if isinstance(error, ServerSelectionTimeoutError):
        return "failed never sent:"
    return "failed" if error.has_error_label("NoWritesPerformed") else "unknown"


def write(collection, line):
    writer, number = line.split()
    try:
        collection.insert_one({"_id": f"{writer}/{number}", "writer": writer, "number": Int64(number)})
        answer(number, "acknowledged")
    except PyMongoError as error:
        answer(number, state_of(error), type(error).__name__, error)


def main():
    settings = json.loads(sys.stdin.readline())
    collection = MongoClient(**settings["client"])[settings["database"]][settings["collection"]]
    try:
        collection.find_one({})
    except PyMongoError as error:
        return answer("no", type(error).__name__, error)
    answer("ready")
    for line in sys.stdin:
        write(collection, line)


if __name__ == "__main__":
    main()

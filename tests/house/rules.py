"""The rules of the house that a program can check. Each takes the top of a source tree and gives what breaks it."""
import os
import re

ROOMS = ["base", "conf", "feed", "match", "alert", "plan", "fetch", "ledger", "publish", "status"]

# Headers of a library, and the folders where it may be seen; "daemon" is the spine, not the rooms below it.
LIBRARIES = [
    (r"curl/", {"daemon/fetch"}),
    (r"openssl/", {"daemon/fetch"}),
    (r"libxml/", {"daemon/feed"}),
    (r"zmq(_utils)?\.h$", {"daemon/publish", "client"}),
    (r"yaml\.h$", {"daemon/conf"}),
    (r"sqlite3(ext)?\.h$", {"daemon/ledger"}),
    (r"libpq|pg_config|postgres_ext", {"daemon/ledger"}),
    (r"event2/|event\.h$|evhttp\.h$", {"daemon/fetch", "daemon/status", "daemon", "client"}),
    (r"jansson\.h$", {"daemon/feed", "daemon/alert", "daemon/publish", "daemon/status", "client", "daemon/match"}),
]
FORBIDDEN = r"\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|strtok|system|popen)\s*\("
MOST_LINES, MOST_FUNCTION_LINES, MOST_DOORS = 600, 100, 4
HUB_NAMES = {"common.h", "util.h", "utils.h", "all.h", "wirewatch.h", "globals.h", "types.h", "defs.h"}


# ---- reading sources ----------------------------------------------------------------

def sources(top, folders=("daemon", "client", "include/wirewatch")):
    """The project's own C files, relative to top, sorted."""
    found = []
    for folder in folders:
        for place, _, names in os.walk(os.path.join(top, folder)):
            found += [os.path.relpath(os.path.join(place, name), top) for name in names if name.endswith((".c", ".h"))]
    return sorted(found)


def text_of(top, path):
    with open(os.path.join(top, path), encoding="utf-8") as file:
        return file.read()


def code_of(text):
    """Comments and the insides of literals become spaces; lines stay where they are."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\''
    return re.sub(pattern, lambda found: re.sub(r"[^\n]", " ", found.group(0)), text, flags=re.S)


def includes_of(text):
    """(line, name, quoted) of each #include, comments left out."""
    plain = re.sub(r"/\*.*?\*/", lambda found: re.sub(r"[^\n]", " ", found.group(0)), text, flags=re.S)
    for number, line in enumerate(plain.split("\n"), 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if found:
            yield number, found.group(2), found.group(1) == '"'


def room_of(path):
    found = re.match(r"include/wirewatch/(\w+)\.h$|daemon/(\w+)/", path)
    room = found and (found.group(1) or found.group(2))
    return room if room in ROOMS else None


# ---- rules ----------------------------------------------------------------------------

def order_of_rooms(top):
    """a room includes only the doors of rooms above it"""
    for path in sources(top):
        room = room_of(path)
        for line, name, _ in includes_of(text_of(top, path)):
            door = re.search(r"(?:^|/)wirewatch/(\w+)\.h$", name)
            if not door:
                continue
            if room and (door.group(1) not in ROOMS or ROOMS.index(door.group(1)) > ROOMS.index(room)):
                yield "%s:%d: the room %s includes the door of %s" % (path, line, room, door.group(1))


def private_headers(top):
    """a private header is included from its own folder alone"""
    known = set(sources(top))
    for path in sources(top):
        folder = os.path.dirname(path)
        for line, name, quoted in includes_of(text_of(top, path)):
            if not quoted or name == "config.h" or re.match(r"wirewatch/\w+\.h$", name):
                continue
            beside = os.path.normpath(os.path.join(folder, name))
            target = beside if beside in known else os.path.normpath(name)
            if target.startswith("include/") or os.path.dirname(target) != folder:
                yield "%s:%d: %s is not of this folder" % (path, line, name)


def libraries(top):
    """a library's headers appear only in the rooms it belongs to"""
    for path in sources(top):
        for line, name, _ in includes_of(text_of(top, path)):
            for pattern, owners in LIBRARIES:
                owned = os.path.dirname(path) in owners or any(path.startswith(o + "/") for o in owners - {"daemon"})
                if re.match(pattern, name) and not owned:
                    yield "%s:%d: <%s> does not belong here" % (path, line, name)


def forbidden_calls(top):
    """no function without a bound, and no shell"""
    for path in sources(top, ("daemon", "client", "include/wirewatch", "tests")):
        for number, line in enumerate(code_of(text_of(top, path)).split("\n"), 1):
            found = re.search(FORBIDDEN, line)
            if found:
                yield "%s:%d: %s is not used here" % (path, number, found.group(1))


def file_length(top):
    """a file has one idea and at most 600 lines"""
    for path in sources(top):
        count = text_of(top, path).count("\n")
        if count > MOST_LINES:
            yield "%s: %d lines" % (path, count)


def functions_of(text):
    """(name, static, first line, lines) of each function; its braces stand alone in the first column."""
    lines = code_of(text).split("\n")
    head = start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            first = number - 1
            while first > 1 and lines[first - 2].strip() and not re.match(r"[#}]|.*;\s*$", lines[first - 2]):
                first -= 1
            head, start = " ".join(lines[first - 1:number - 1]), number
        elif line.startswith("}") and start:
            name = re.search(r"(\w+)\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head))
            if name:
                yield name.group(1), bool(re.search(r"\bstatic\b", head)), start, number - start
            start = None


def function_length(top):
    """no function is longer than 100 lines"""
    for path in sources(top):
        for name, _, line, count in functions_of(text_of(top, path)):
            if count > MOST_FUNCTION_LINES:
                yield "%s:%d: %s has %d lines" % (path, line, name, count)


def names_of_header(text):
    """What a header declares: functions, types and constants; not what it only names ahead (struct x;)."""
    code = re.sub(r"\\\n", "  ", code_of(text))
    names = re.findall(r"^\s*#\s*define\s+(\w+)", code, re.M)
    code = re.sub(r"^\s*#.*$", "", code, flags=re.M)
    for body in re.findall(r"\benum\s*\w*\s*\{([^{}]*)\}", code):
        names += re.findall(r"(?:^|,)\s*(\w+)", re.sub(r"=[^,]*", "", body))
    while re.search(r"\{[^{}]*\}", code):
        code = re.sub(r"\{[^{}]*\}", "@", code)  # @: a body that was there
    for declaration in code.split(";"):
        declaration = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", "", declaration).strip()
        function = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", declaration) or re.search(r"(\w+)\s*\(", declaration)
        kind = re.match(r"(?:struct|enum|union)\s+(\w+)\s*@", declaration)
        variable = declaration.startswith(("typedef", "extern")) and re.search(r"(\w+)\s*(?:\[.*\])?$", declaration)
        found = kind or function or variable
        if found:
            names.append(found.group(1))
    return names


def names_of_rooms(top):
    """what the door of a room shows bears the room's name"""
    for path in sources(top, ("include/wirewatch",)):
        room = room_of(path)
        for name in names_of_header(text_of(top, path)) if room else []:
            if not re.match(r"(%s_|%s_|WIREWATCH_)" % (room, room.upper()), name) and name != room:
                yield "%s: %s does not begin with %s_" % (path, name, room)


def names_used_twice(top):
    """no two files of the daemon give one name to functions that the linker sees"""
    seen = {}
    for path in sources(top, ("daemon",)):
        for name, static, line, _ in functions_of(text_of(top, path)):
            if static or path.endswith(".h") or name == "main":
                continue
            if name in seen:
                yield "%s:%d: %s is also in %s" % (path, line, name, seen[name])
            seen.setdefault(name, path)


def hub_headers(top):
    """no header is a hub: none is named for everything, none gathers many others"""
    for path in sources(top):
        if not path.endswith(".h"):
            continue
        own = [name for _, name, quoted in includes_of(text_of(top, path)) if quoted]
        # The library's own header is named after the library, for those who install it.
        if os.path.basename(path) in HUB_NAMES and not path.startswith("client/libwirewatch/"):
            yield "%s: the name says nothing" % path
        if len(own) > MOST_DOORS:
            yield "%s: includes %d headers of the project" % (path, len(own))


RULES = [order_of_rooms, private_headers, libraries, forbidden_calls, file_length, function_length, names_of_rooms,
         names_used_twice, hub_headers]

"""Invented news for the tests: one report for each class in English and Ukrainian, and decoys.

Each report: id, language, title, text, expect (classes that must be raised),
allow (classes that may be). The decoys raise nothing.
"""
import datetime
import threading

import documents
import feedserver


def report(name, language, expect, title, text, allow=()):
    return {"id": "urn:test:" + name, "language": language, "title": title, "text": text,
            "expect": set(expect), "allow": set(allow)}


REPORTS = [
    report("delivery-en", "en", ["delivery"], "Germany delivers two air defence systems",
           "Germany delivered two IRIS-T air defence systems to Ukraine on Monday, the defence ministry in Berlin said.\n"
           "The crews were trained in Bavaria over the summer."),
    report("delivery-uk", "uk", ["delivery"], "Чехія передала Україні снаряди",
           "Чехія передала Україні 50 тисяч артилерійських снарядів калібру 155 мм, повідомив міністр оборони.\n"
           "Вантаж прибув у понеділок."),
    report("pledge-en", "en", ["pledge"], "Denmark announces new package",
           "Denmark pledged a new package of military aid for Ukraine worth 300 million euros on Thursday.\n"
           "The package includes artillery shells and armoured vehicles, the government in Copenhagen said."),
    report("pledge-uk", "uk", ["pledge"], "Нідерланди оголосили новий пакет допомоги",
           "Нідерланди оголосили про новий пакет військової допомоги Україні на 250 мільйонів євро.\n"
           "До пакета увійдуть безпілотники та ракети для систем ППО."),
    report("pause-en", "en", ["pause"], "Pentagon halts shipments of interceptors",
           "The Pentagon has halted deliveries of Patriot interceptors and artillery shells to Ukraine.\n"
           "Officials cited low stockpiles at home."),
    report("pause-uk", "uk", ["pause"], "США призупинили постачання ракет",
           "Сполучені Штати призупинили постачання ракет для систем Patriot Україні, повідомили у Пентагоні.\n"
           "Причиною назвали скорочення власних запасів."),
    report("resume-en", "en", ["resume"], "Washington resumes weapons shipments",
           "The United States has resumed shipments of artillery shells and HIMARS rockets to Ukraine.\n"
           "Trucks crossed the border on Friday, two officials said.", ["delivery", "pause"]),
    report("resume-uk", "uk", ["resume"], "Вашингтон відновив постачання зброї",
           "США відновили постачання зброї Україні, заявив речник уряду у середу.", ["delivery", "pause"]),
    report("request-en", "en", ["request"], "Kyiv seeks more missiles",
           "Ukraine asked its allies to send more Patriot missiles before the winter.\n"
           "The president raised the matter in a call on Sunday."),
    report("request-uk", "uk", ["request"], "Київ просить більше ракет",
           "Україна попросила союзників надати додаткові ракети для систем Patriot."),
    report("refusal-en", "en", ["refusal"], "Berlin rules out cruise missiles",
           "The German government refused to supply Taurus cruise missiles to Ukraine on Tuesday."),
    report("refusal-uk", "uk", ["refusal"], "Угорщина не надаватиме зброї",
           "Угорщина відмовилася постачати зброю Україні, заявив прем'єр-міністр."),
    report("sale-en", "en", ["sale"], "Estonia buys launchers",
           "Estonia signed a contract to buy six HIMARS launchers from Lockheed Martin, the ministry of defence said.\n"
           "The price was not published."),
    report("sale-uk", "uk", ["sale"], "Польща купує гаубиці",
           "Польща підписала контракт на закупівлю 48 самохідних гаубиць K9 у Південної Кореї."),
    report("production-en", "en", ["production"], "Joint ammunition plant planned",
           "Rheinmetall and a Ukrainian company will jointly produce artillery ammunition at a new plant in Ukraine."),
    report("production-uk", "uk", ["production"], "Спільне виробництво безпілотників",
           "Україна та Данія розпочали спільне виробництво бойових безпілотників на новому заводі."),
]

DECOYS = [
    report("decoy-sport", "en", [], "Patriots hold off Raiders",
           "The Patriots delivered a late drive to beat the Raiders on Sunday, and their defence held up to the end."),
    report("decoy-ceasefire", "en", [], "Fighting pauses for talks",
           "A pause in fighting held on Wednesday while the two delegations met for a second day of talks."),
    report("decoy-aid", "en", [], "Convoy brings food and medicine",
           "A convoy of forty lorries delivered food and medicine to the besieged city, the Red Cross said.\n"
           "Soldiers let the lorries through two checkpoints."),
    report("decoy-crime", "en", [], "Man held after shop robbery",
           "Police arrested a man who had bought a pistol and robbed a jewellery shop in the city centre."),
    report("decoy-game", "en", [], "Studio delays tank game",
           "The studio delayed the release of its tank game to spring and apologised to players."),
    report("decoy-strike-uk", "uk", [], "Нічна атака безпілотників",
           "Уночі сили ППО збили дванадцять безпілотників над Одещиною, постраждалих немає."),
    report("decoy-food-uk", "uk", [], "Гуманітарний вантаж прибув до міста",
           "До міста доставили двадцять тонн харчів і ліків, повідомили волонтери."),
]


def item(entry, minutes_ago=10, **changes):
    """The report as a feed item dated a little while ago."""
    return dict(entry, date=documents.now() - datetime.timedelta(minutes=minutes_ago), **changes)


def numbered(number, **changes):
    """An item with a name of its own that raises exactly one pause, for tests that count."""
    return item({"id": "urn:test:numbered-%06d" % number, "language": "en",
                 "title": "Shipment %d is halted" % number,
                 "text": "Norway has halted deliveries of %d artillery shells to Ukraine." % (1000 + number)}, **changes)


def by_name(name):
    return next(entry for entry in REPORTS + DECOYS if entry["id"] == "urn:test:" + name)


class NumberedFeed:
    """A feed that shows the newest numbered items; grow() adds one."""

    def __init__(self, server, path="/feed", window=30):
        self.items, self.window, self.lock = [], window, threading.Lock()
        self.url = server.route(path, self.behave)

    def grow(self, count=1):
        with self.lock:
            for _ in range(count):
                self.items.insert(0, numbered(len(self.items) + 1, minutes_ago=5))

    def behave(self, connection, request):
        with self.lock:
            body = documents.rss2(self.items[:self.window])
        feedserver.document(body)(connection, request)

"""Feed documents made from items: RSS 2.0, RSS 1.0 and Atom 1.0.

An item is a dictionary with id, title, text and, if wanted, link, date (an
aware datetime; None leaves the date out) and html (True: text is HTML).
"""
import datetime
import email.utils
from xml.sax.saxutils import escape, quoteattr

UTC = datetime.timezone.utc


def now():
    return datetime.datetime.now(UTC)


def link_of(item):
    return item.get("link", "https://news.example/" + item["id"])


def html_of(item):
    if item.get("html"):
        return item["text"]
    paragraphs = [p for p in item["text"].split("\n") if p.strip()]
    return "".join("<p>%s</p>" % escape(p) for p in paragraphs)


def rfc822(date):
    return email.utils.format_datetime(date)


def rfc3339(date):
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rss2(items, title="Sample agency", language="en"):
    out = ['<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>']
    out.append("<title>%s</title><link>https://news.example/</link>" % escape(title))
    out.append("<description>%s</description><language>%s</language>" % (escape(title), language))
    for item in items:
        out.append("<item><title>%s</title><link>%s</link>" % (escape(item["title"]), escape(link_of(item))))
        out.append('<guid isPermaLink="false">%s</guid>' % escape(item["id"]))
        if item.get("date"):
            out.append("<pubDate>%s</pubDate>" % rfc822(item["date"]))
        out.append("<description>%s</description></item>" % escape(html_of(item)))
    out.append("</channel></rss>\n")
    return "\n".join(out).encode()


def rss1(items, title="Sample agency", language="en"):
    out = ['<?xml version="1.0" encoding="UTF-8"?>\n<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
           ' xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
           ' xmlns:content="http://purl.org/rss/1.0/modules/content/">']
    out.append('<channel rdf:about="https://news.example/rdf"><title>%s</title>' % escape(title))
    out.append("<link>https://news.example/</link><description>%s</description>" % escape(title))
    out.append("<dc:language>%s</dc:language><items><rdf:Seq>" % language)
    out += ["<rdf:li rdf:resource=%s/>" % quoteattr(item["id"]) for item in items]
    out.append("</rdf:Seq></items></channel>")
    for item in items:
        out.append("<item rdf:about=%s><title>%s</title>" % (quoteattr(item["id"]), escape(item["title"])))
        out.append("<link>%s</link>" % escape(link_of(item)))
        if item.get("date"):
            out.append("<dc:date>%s</dc:date>" % rfc3339(item["date"]))
        out.append("<content:encoded><![CDATA[%s]]></content:encoded></item>" % html_of(item))
    out.append("</rdf:RDF>\n")
    return "\n".join(out).encode()


def atom(items, title="Sample agency", language="en"):
    out = ['<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="%s">' % language]
    out.append("<id>https://news.example/atom</id><title>%s</title><updated>%s</updated>" % (
        escape(title), rfc3339(max([i["date"] for i in items if i.get("date")], default=now()))))
    for item in items:
        out.append("<entry><id>%s</id><title>%s</title>" % (escape(item["id"]), escape(item["title"])))
        out.append('<link rel="alternate" href=%s/>' % quoteattr(link_of(item)))
        if item.get("date"):
            out.append("<published>{0}</published><updated>{0}</updated>".format(rfc3339(item["date"])))
        out.append('<content type="html">%s</content></entry>' % escape(html_of(item)))
    out.append("</feed>\n")
    return "\n".join(out).encode()


FORMATS = {"rss": (rss2, "application/rss+xml"), "rdf": (rss1, "application/rdf+xml"),
           "atom": (atom, "application/atom+xml")}

#include "reader.h"

#include <errno.h>
#include <lexbor/dom/dom.h>
#include <lexbor/html/html.h>
#include <lexbor/url/url.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "links.h"

#define OUT_BUFFER_BYTES (1u << 20)

struct reader {
    lxb_html_document_t *document;
    lxb_url_parser_t *urls;
    lxb_url_t *base; /* of the page that is read */
    struct links links;
    struct bytes line;
    FILE *out;
};

static void check(lxb_status_t status, const char *what)
{
    if (status != LXB_STATUS_OK)
        die("lexbor: %s: status %u", what, status);
}

static void text(struct bytes *line, const char *text)
{
    bytes_append(line, text, strlen(text));
}

static bool needs_escape(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* A string of JSON (RFC 8259, section 7). The bytes are taken for UTF-8, unchecked. */
static void string(struct bytes *line, const unsigned char *data, size_t length)
{
    text(line, "\"");
    size_t plain = 0;
    for (size_t n = 0; n < length; n++) {
        if (!needs_escape(data[n]))
            continue;
        char escaped[sizeof "\\u0000"];
        snprintf(escaped, sizeof escaped, "\\u%04x", data[n]);
        bytes_append(line, data + plain, n - plain);
        text(line, escaped);
        plain = n + 1;
    }
    bytes_append(line, data + plain, length - plain);
    text(line, "\"");
}

static void digest(struct bytes *line, const struct bytes *body)
{
    unsigned char sha256[EVP_MAX_MD_SIZE];
    unsigned int length;
    if (EVP_Digest(body->data, body->length, sha256, &length, EVP_sha256(), NULL) != 1)
        die("libcrypto: no SHA-256");
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    for (unsigned int n = 0; n < length; n++)
        snprintf(hex + 2 * n, 3, "%02x", sha256[n]);
    text(line, hex);
}

static lxb_status_t append(const lxb_char_t *data, size_t length, void *context)
{
    bytes_append(context, data, length);
    return LXB_STATUS_OK;
}

/* The link of an `href`, absolute and without its fragment, unless the page had it before. */
static void link(struct reader *reader, const lxb_char_t *href, size_t length)
{
    struct links *links = &reader->links;
    size_t start = links->text.length;
    lxb_url_parser_clean(reader->urls);
    lxb_url_t *url = lxb_url_parse(reader->urls, reader->base, href, length);
    if (url == NULL)
        return; /* not a URL */
    if (url->scheme.type != LXB_URL_SCHEMEL_TYPE_HTTP && url->scheme.type != LXB_URL_SCHEMEL_TYPE_HTTPS)
        return;
    check(lxb_url_serialize(url, append, &links->text, true), "a link cannot be written");
    if (!links_add(links, start))
        return;
    if (links->count > 1)
        text(&reader->line, ",");
    string(&reader->line, links->text.data + start, links->text.length - start);
}

static lexbor_action_t node(lxb_dom_node_t *node, void *context)
{
    if (node->type != LXB_DOM_NODE_TYPE_ELEMENT || node->local_name != LXB_TAG_A)
        return LEXBOR_ACTION_OK;
    lxb_dom_element_t *element = lxb_dom_interface_element(node);
    lxb_dom_attr_t *href = lxb_dom_element_attr_by_id(element, LXB_DOM_ATTR_HREF);
    if (href != NULL) {
        size_t length;
        const lxb_char_t *value = lxb_dom_attr_value(href, &length);
        link(context, value == NULL ? (const lxb_char_t *)"" : value, value == NULL ? 0 : length);
    }
    return LEXBOR_ACTION_OK;
}

static void title(struct reader *reader)
{
    size_t length;
    const lxb_char_t *title = lxb_html_document_title(reader->document, &length);
    if (title == NULL)
        text(&reader->line, "null");
    else
        string(&reader->line, title, length);
}

static void html(struct reader *reader, const struct page *page)
{
    const lxb_char_t *url = (const lxb_char_t *)page->url;
    lxb_url_parser_clean(reader->urls);
    reader->base = lxb_url_parse(reader->urls, NULL, url, strlen(page->url));
    if (reader->base == NULL)
        die("%s: not a URL", page->url);
    lxb_html_document_clean(reader->document);
    check(lxb_html_document_parse(reader->document, page->body.data, page->body.length), page->url);
    text(&reader->line, ",\"title\":");
    title(reader);
    text(&reader->line, ",\"links\":[");
    links_next_page(&reader->links);
    lxb_dom_node_simple_walk(lxb_dom_interface_node(reader->document), node, reader);
    text(&reader->line, "]");
    lexbor_mraw_clean(reader->urls->mraw);
}

static void read_page(struct reader *reader, const struct page *page)
{
    struct bytes *line = &reader->line;
    line->length = 0;
    text(line, "{\"url\":");
    string(line, (const unsigned char *)page->url, strlen(page->url));
    text(line, ",\"digest\":\"");
    digest(line, &page->body);
    text(line, "\"");
    if (page->is_html)
        html(reader, page);
    text(line, "}\n");
    if (fwrite(line->data, 1, line->length, reader->out) != line->length)
        die("the output cannot be written: %s", strerror(errno));
}

static void open_reader(struct reader *reader, const char *path)
{
    reader->document = lxb_html_document_create();
    reader->urls = lxb_url_parser_create();
    if (reader->document == NULL || reader->urls == NULL)
        die("lexbor: no memory");
    check(lxb_url_parser_init(reader->urls, NULL), "the parser of URLs");
    reader->out = fopen(path, "wb");
    if (reader->out == NULL || setvbuf(reader->out, NULL, _IOFBF, OUT_BUFFER_BYTES) != 0)
        die("%s: %s", path, strerror(errno));
}

static void close_reader(struct reader *reader)
{
    if (fclose(reader->out) != 0)
        die("the output cannot be written: %s", strerror(errno));
    lxb_html_document_destroy(reader->document);
    lxb_url_parser_memory_destroy(reader->urls);
    lxb_url_parser_destroy(reader->urls, true);
    free(reader->links.slots);
    free(reader->links.text.data);
    free(reader->line.data);
}

void read_all(struct channel *ready, struct channel *free_pages, const char *path)
{
    struct reader reader = {0};
    struct page *page;
    open_reader(&reader, path);
    while ((page = channel_take(ready)) != NULL) {
        read_page(&reader, page);
        channel_put(free_pages, page);
    }
    close_reader(&reader);
}

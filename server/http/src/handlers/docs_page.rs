//! The page at `/docs`: both OpenAPI documents as HTML, readable without a script. Nothing of a
//! request is in it.

use std::fmt::Write as _;

use pulldown_cmark::{Options, Parser, html::push_html};
use serde_json::{Map, Value};

/// How it looks, light and dark; the page's policy names its hash.
pub(super) const STYLE: &str = include_str!("docs_page.css");

/// Makes the page of our own document and of that of NIM's calls.
pub(super) fn page(own: &str, nim: &str) -> String {
    let parts = [(own, "own", "openapi.json"), (nim, "nim", "openapi-nim.json")];
    let documents = parts.map(|(json, part, file)| {
        let document = serde_json::from_str(json).expect("a test made the document");
        Document { document, part, file }
    });
    let mut html = String::new();
    let version = escaped(text(&documents[0].document["info"]["version"]));
    push(
        &mut html,
        format_args!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>Huihua's API</title><style>{STYLE}</style></head><body>\n\
             <header><h1>Huihua’s API <small>{version}</small></h1>\
             <p>For programs: <a href=\"openapi.json\">openapi.json</a> and, for NIM’s server API, \
             <a href=\"openapi-nim.json\">openapi-nim.json</a>, OpenAPI 3.1.</p></header>\n"
        ),
    );
    html.push_str("<nav aria-label=\"Calls\">");
    documents.iter().for_each(|document| document.push_links(&mut html));
    html.push_str("</nav>\n<main>");
    documents.iter().for_each(|document| document.push_content(&mut html));
    html.push_str("</main></body></html>\n");
    html
}

/// One of the documents.
struct Document {
    document: Value,
    /// Begins the ids of its parts on the page.
    part: &'static str,
    file: &'static str,
}

/// A call: its method, its path, and what the document says of it.
type Operation<'a> = (&'a str, &'a str, &'a Value);

impl Document {
    fn tags(&self) -> impl Iterator<Item = &Value> {
        self.document["tags"].as_array().into_iter().flatten()
    }

    fn operations<'a>(&'a self, tag: &'a Value) -> impl Iterator<Item = Operation<'a>> {
        let of_path = |(path, of): (&'a String, &'a Value)| {
            fields(of).map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        };
        let all = fields(&self.document["paths"]).flat_map(of_path);
        all.filter(move |(_, _, operation)| operation["tags"][0] == tag["name"])
    }

    fn push_links(&self, html: &mut String) {
        let part = self.part;
        for tag in self.tags() {
            push(html, format_args!("<h4>{}</h4><ul>", escaped(text(&tag["name"]))));
            for (method, path, operation) in self.operations(tag) {
                let id = escaped(text(&operation["operationId"]));
                let (method, path) = (method.to_uppercase(), escaped(path));
                push(html, format_args!("<li><a href=\"#{part}-{id}\">{method} {path}</a></li>"));
            }
            html.push_str("</ul>");
        }
        let link = format_args!("<a href=\"#{part}-schemas\">Schemas of {}</a>", self.file);
        push(html, format_args!("<ul><li>{link}</li></ul>"));
    }

    fn push_content(&self, html: &mut String) {
        let info = &self.document["info"];
        push(html, format_args!("<h2>{}</h2>", escaped(text(&info["title"]))));
        push_markdown(html, text(&info["description"]));
        let schemes = fields(&self.document["components"]["securitySchemes"]);
        let rows = schemes.map(|(name, scheme)| {
            [code(name), place_of(scheme), markdown(text(&scheme["description"]))]
        });
        push_table(html, ["credential", "where", ""], rows);
        for tag in self.tags() {
            push(html, format_args!("<h2>{}</h2>", escaped(text(&tag["name"]))));
            push_markdown(html, text(&tag["description"]));
            self.operations(tag).for_each(|operation| self.push_operation(html, operation));
        }
        let (part, file) = (self.part, self.file);
        push(html, format_args!("<h2 id=\"{part}-schemas\">Schemas of {file}</h2>"));
        for (name, schema) in fields(&self.document["components"]["schemas"]) {
            let name = escaped(name);
            push(html, format_args!("<article id=\"{part}-schema-{name}\"><h3>{name}</h3>"));
            push_markdown(html, text(&schema["description"]));
            self.push_schema(html, schema);
            html.push_str("</article>\n");
        }
    }

    fn push_operation(&self, html: &mut String, (method, path, operation): Operation<'_>) {
        let (id, part) = (escaped(text(&operation["operationId"])), self.part);
        let call = code(&format!("{} {path}", method.to_uppercase()));
        push(html, format_args!("<article id=\"{part}-{id}\"><h3>{call}</h3>"));
        push_markdown(html, text(&operation["summary"]));
        push_markdown(html, text(&operation["description"]));
        let security = operation["security"].as_array().into_iter().flatten();
        let names: Vec<String> = security.flat_map(fields).map(|(name, _)| code(name)).collect();
        if !names.is_empty() {
            push(html, format_args!("<p>Credential: {}</p>", names.join(", ")));
        }
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let rows = parameters.map(|parameter| {
            let must = parameter["required"] == true;
            let place = escaped(text(&parameter["in"]));
            let form = self.form(&parameter["schema"]);
            [name_cell(text(&parameter["name"]), must), place, form, description(parameter)]
        });
        push_table(html, ["parameter", "in", "form", ""], rows);
        let body = &operation["requestBody"];
        for (kind, content) in fields(&body["content"]) {
            let kind = escaped(kind);
            push(html, format_args!("<h4>Body: {kind} {}</h4>", self.form(&content["schema"])));
            push_markdown(html, text(&body["description"]));
            self.push_schema(html, &content["schema"]);
            push_example(html, content);
        }
        html.push_str("<h4>Answers</h4>");
        let rows = fields(&operation["responses"]).map(|(status, answer)| {
            let answer = self.resolved(answer);
            let contents = fields(&answer["content"]);
            let forms = contents
                .map(|(kind, of)| format!("{} {}", escaped(kind), self.form(&of["schema"])));
            let headers: Vec<String> =
                fields(&answer["headers"]).map(|(name, _)| code(name)).collect();
            let forms = forms.collect::<Vec<_>>().join("<br>");
            [code(status), forms, headers.join(" "), description(answer)]
        });
        push_table(html, ["status", "form", "headers", ""], rows);
        for (_, answer) in fields(&operation["responses"]) {
            fields(&answer["content"]).for_each(|(_, content)| push_example(html, content));
        }
        html.push_str("</article>\n");
    }

    /// Writes the fields of an object, if it is one.
    fn push_schema(&self, html: &mut String, schema: &Value) {
        let must = |name: &str| {
            let mut required = schema["required"].as_array().into_iter().flatten();
            required.any(|required| required == name)
        };
        let rows = fields(&schema["properties"])
            .map(|(name, of)| [name_cell(name, must(name)), self.form(of), description(of)]);
        push_table(html, ["field", "form", ""], rows);
        for of in ["oneOf", "allOf"].iter().filter_map(|all| schema[all].as_array()).flatten() {
            match &of["$ref"] {
                Value::Null => self.push_schema(html, of),
                _ => push(html, format_args!("<p>{}</p>", self.form(of))),
            }
        }
    }

    /// Says what a value is: its type, and its limits.
    fn form(&self, schema: &Value) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            let (part, name) = (self.part, escaped(name));
            return format!("<a href=\"#{part}-schema-{name}\">{name}</a>");
        }
        for all in ["oneOf", "allOf"] {
            if let Some(all) = schema[all].as_array() {
                let forms: Vec<String> = all.iter().map(|one| self.form(one)).collect();
                return forms.join(if all.len() > 1 { " or " } else { "" });
            }
        }
        if let Some(values) = schema["enum"].as_array() {
            let values = values.iter().map(|value| code(&shown(value)));
            return values.collect::<Vec<_>>().join(", ");
        }
        if !schema["const"].is_null() {
            return code(&shown(&schema["const"]));
        }
        let mut form = match text(&schema["type"]) {
            "array" => format!("list of {}", self.form(&schema["items"])),
            kind => escaped(kind),
        };
        for (limit, words) in [
            ("minimum", "from"),
            ("maximum", "up to"),
            ("minLength", "characters from"),
            ("maxLength", "characters up to"),
            ("minItems", "items from"),
            ("maxItems", "items up to"),
            ("pattern", "matches"),
            ("default", "default"),
        ] {
            if !schema[limit].is_null() {
                push(&mut form, format_args!(", {words} {}", code(&shown(&schema[limit]))));
            }
        }
        form
    }

    /// Follows a reference to an answer that many calls give.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let reference = value["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
        reference.and_then(|path| self.document.pointer(path)).unwrap_or(value)
    }
}

/// Where a credential goes.
fn place_of(scheme: &Value) -> String {
    match scheme["scheme"].as_str() {
        Some(_) => code("Authorization: Bearer …"),
        None => format!("header {}", code(text(&scheme["name"]))),
    }
}

fn push_example(html: &mut String, content: &Value) {
    let named = fields(&content["examples"]).map(|(_, example)| &example["value"]);
    for example in std::iter::once(&content["example"]).chain(named) {
        if !example.is_null() {
            push(html, format_args!("<pre>{}</pre>", escaped(&format!("{example:#}"))));
        }
    }
}

/// Writes a table, unless it has no rows.
fn push_table<const N: usize>(
    html: &mut String,
    heads: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    html.push_str("<div class=\"wide\"><table><thead><tr>");
    heads.iter().for_each(|head| push(html, format_args!("<th>{head}</th>")));
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        row.iter().for_each(|cell| push(html, format_args!("<td>{cell}</td>")));
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
}

fn name_cell(name: &str, must: bool) -> String {
    let required = if must { "<br><span class=\"must\">required</span>" } else { "" };
    format!("{}{required}", code(name))
}

fn description(of: &Value) -> String {
    markdown(text(&of["description"]))
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

/// A value as it is written in a request.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.write_fmt(text).expect("a text takes everything");
}

fn push_markdown(html: &mut String, text: &str) {
    push_html(html, Parser::new_ext(text, Options::ENABLE_TABLES));
}

fn markdown(text: &str) -> String {
    let mut html = String::new();
    push_markdown(&mut html, text);
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

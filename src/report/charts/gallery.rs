//! charts/index.html: all charts of a run at a glance.

use crate::report::chart::paint::escape;
use crate::report::page::STYLE;

use crate::report::Drawn;

const GALLERY: &str = "\
main { max-width: 1240px; margin: 0 auto; padding: 0 16px 32px; }
h1 { font-size: 20px; margin: 20px 0 2px; }
h2 { font-size: 15px; margin: 26px 0 10px; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 16px; }
.grid a { display: block; text-decoration: none; }
.grid img { width: 100%; height: 230px; object-fit: contain; background: #fff; border-radius: 6px; \
box-shadow: 0 1px 4px rgba(0, 0, 0, .15); }
.grid span { display: block; margin-top: 5px; }
";

/// The page.
pub fn page(drawn: &[Drawn], test_id: &str) -> String {
    let mut body = String::new();
    let mut folder = "";
    for chart in drawn {
        let (own, _) = chart.name.split_once('/').unwrap_or_default();
        if own != folder {
            if !folder.is_empty() {
                body.push_str("</div>\n");
            }
            folder = own;
            let heading = own.replace('_', " ");
            body.push_str(&format!("<h2>{}</h2>\n<div class=\"grid\">\n", escape(&heading)));
        }
        let (name, title) = (escape(&chart.name), escape(&chart.title));
        body.push_str(&format!(
            "<a href=\"{name}.html\"><img src=\"{name}.png\" alt=\"{title}\" loading=\"lazy\">\
             <span>{title}</span></a>\n"
        ));
    }
    if !folder.is_empty() {
        body.push_str("</div>\n");
    }
    let title = format!("Charts of run {}", escape(test_id));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>\n{STYLE}{GALLERY}</style>\n</head>\n<body class=\"runner-page\">\n<main>\n\
         <h1>{title}</h1>\n<a href=\"../report.html\">Report</a>\n{body}</main>\n</body>\n</html>\n"
    )
}

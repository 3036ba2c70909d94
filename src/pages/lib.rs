//! The workshop for pages: one file each for the browser, which needs no network.
//!
//! # Layout
//! * [`page`] is the template of all pages (`page.html`), and how a text is escaped in one.
//! * [`DrawnPage`](page::DrawnPage) is a page that a script draws (`drawn.html`): a run, a grading. Its maker
//!   has its own elements, style and script; the common ones lie here, one for each thing:
//!   `style.css`; `columns.js` reads what the page is told, `state.js` is what its parts share,
//!   `theme.js` the colours, `words.js` puts ranks and numbers into words, `elements.js` makes elements, `canvas.js`
//!   canvases, and `timeview.js` is a stretch of time that can be zoomed and moved.
//! * [`mod@column`] is numbers in columns, as a drawn page is told them.
//! * [`document`] is what is read as it is written: a study, the list of grades. It is said once, and
//!   written as HTML or as Markdown.
//!
//! [`document`] names [`page`]. No other room names another one.
//!
//! # What is deliberately absent
//! * Nothing here knows the protocol (but that rank 0 is the tracker), a run or a grading: whoever makes a page
//!   says what it tells.
//! * No page has HTML that was made of somebody's text: a script makes text nodes, and a document
//!   escapes all of its words.
//! * No page asks the network for anything. The template forbids it.

pub mod column;
pub mod document;
pub mod page;

#include "agent/contract/line_export.h"

#include <boost/json.hpp>

#include "images/keys/statement.h"
#include "policies/vocabulary/json_text.h"

namespace agent::contract {
namespace {

namespace json = boost::json;

Error too_large() { return {ErrorCode::LimitExceeded, "a line's export of more than " + line_export_max.text() + "; export less at once (--since)", {}}; }

void add_lines(std::string& text, std::string_view kind, const std::vector<std::string>& items) {
  for (const std::string& item : items) {
    JsonText line;
    line.object().key(kind).text(item).end();
    text += line.finished() + "\n";
  }
}

Error at_line(std::size_t number, std::string_view why) {
  return {ErrorCode::InvalidInput, "line " + std::to_string(number) + " of the export " + std::string(why) + "; take the file from the station once more", {}};
}

Done take_line(std::string_view text, std::size_t number, LineExportItems& items) {
  json::error_code problem;
  json::parse_options options;
  options.max_depth = 2;
  const json::value parsed = json::parse(json::string_view(text.data(), text.size()), problem, {}, options);
  if (problem || !parsed.is_object() || parsed.get_object().size() != 1 || !parsed.get_object().begin()->value().is_string())
    return at_line(number, "is no JSON object with one text");
  const auto& entry = *parsed.get_object().begin();
  std::string value(entry.value().get_string());
  if (entry.key() == "voucher" && items.receipts.empty() && items.escrows.empty()) items.vouchers.push_back(std::move(value));
  else if (entry.key() == "receipt" && items.escrows.empty()) items.receipts.push_back(std::move(value));
  else if (entry.key() == "escrow") items.escrows.push_back(std::move(value));
  else return at_line(number, "is neither voucher, receipt nor escrow, or stands out of order");
  return {};
}

}  // namespace

Result<std::string> line_export_text(const LineExportItems& items, const std::string& line, Instant now, const images::keys::PrivateKey& line_key) {
  std::string content;
  add_lines(content, "voucher", items.vouchers);
  add_lines(content, "receipt", items.receipts);
  add_lines(content, "escrow", items.escrows);
  const std::size_t lines = items.vouchers.size() + items.receipts.size() + items.escrows.size();
  if (content.size() + images::keys::statement_size_max > line_export_max.count || lines > line_export_lines_max) return too_large();
  const LineExport facts{line, images::keys::sha256(content), items.vouchers.size(), items.receipts.size(), items.escrows.size(), now};
  auto statement = images::keys::sign_statement(line_export_type, payload_of(facts), line_key);
  if (!statement) return statement.error().within("signing a line's export");
  while (!statement->empty() && statement->back() == '\n') statement->pop_back();
  return *statement + "\n" + content;
}

bool is_line_export(std::string_view text) {
  const auto statement = images::keys::parse_statement(text.substr(0, std::min(text.find('\n'), images::keys::statement_size_max)));
  return statement && statement->type == line_export_type;
}

Result<ReadLineExport> line_export_from(std::string_view text) {
  if (text.size() > line_export_max.count) return too_large();
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return at_line(1, "does not end");
  const auto statement = images::keys::parse_statement(text.substr(0, end));
  if (!statement) return statement.error().within("reading the first line of an export");
  if (statement->type != line_export_type) return at_line(1, "is a statement of another type");
  auto facts = line_export_statement_from(statement->payload);
  if (!facts) return facts.error();
  ReadLineExport read{std::string(text.substr(0, end)), std::move(*facts), {}};
  std::string_view rest = text.substr(end + 1);
  if (images::keys::sha256(rest) != read.facts.content)
    return Error{ErrorCode::Corrupt, "the export is not as line " + read.facts.line + " signed it; take the file from the station once more", {}};
  for (std::size_t number = 2; !rest.empty(); ++number) {
    const std::size_t stop = rest.find('\n');
    if (stop == std::string_view::npos) return at_line(number, "does not end");
    if (number > line_export_lines_max + 1) return too_large();
    if (Done taken = take_line(rest.substr(0, stop), number, read.items); !taken) return taken.error();
    rest.remove_prefix(stop + 1);
  }
  if (read.items.vouchers.size() != read.facts.vouchers || read.items.receipts.size() != read.facts.receipts || read.items.escrows.size() != read.facts.escrows)
    return Error{ErrorCode::Corrupt, "the export does not hold as many vouchers, receipts and escrows as its statement says", {}};
  return read;
}

}  // namespace agent::contract

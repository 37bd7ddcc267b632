#include <boost/json.hpp>

#include "agent/contract/line_export.h"
#include "agent/contract/statements.h"
#include "fleet/cli/staff_desk.h"
#include "images/keys/statement.h"

namespace fleet::cli {
namespace {

struct Options {
  DeskOptions desk;
  std::vector<std::string> files;
};

void declare(Options& options, command_line::OptionList& list) {
  list.words("FILE", options.files, "exports of lines (`line export`), vouchers, receipts, sealed escrows (DSSE, as the station wrote them) and orders (*.yaml), in any order");
  declare_desk(options.desk, list);
}

// As much of one file as goes into one request.
constexpr std::size_t request_items_max = 200;

struct Sorted {
  json::array vouchers;
  json::array receipts;
  json::array orders;
  json::array escrows;
  json::array exports;
};

Done sort_export(const std::string& path, const std::string& text, Sorted& sorted) {
  Result<agent::contract::ReadLineExport> read = agent::contract::line_export_from(text);
  if (!read) return read.error().within("reading " + path);
  sorted.exports.emplace_back(read->statement);
  for (const std::string& voucher : read->items.vouchers) sorted.vouchers.emplace_back(voucher);
  for (const std::string& receipt : read->items.receipts) sorted.receipts.emplace_back(receipt);
  for (const std::string& escrow : read->items.escrows) sorted.escrows.emplace_back(escrow);
  return {};
}

Done sort_in(const std::string& path, const std::string& text, Sorted& sorted) {
  if (agent::contract::is_line_export(text)) return sort_export(path, text, sorted);
  if (path.ends_with(".yaml")) {
    sorted.orders.emplace_back(text);
    return {};
  }
  Result<images::keys::Statement> statement = images::keys::parse_statement(text);
  if (!statement) return statement.error().within("reading " + path);
  if (statement->type == agent::contract::voucher_type) {
    sorted.vouchers.emplace_back(text);
  } else if (statement->type == agent::contract::receipt_type) {
    sorted.receipts.emplace_back(text);
  } else if (statement->type == agent::contract::escrow_type) {
    sorted.escrows.emplace_back(text);
  } else {
    return Error{ErrorCode::InvalidInput, path + " is a statement of type " + statement->type + ", neither voucher, receipt nor escrow", {}};
  }
  return {};
}

json::array part_of(const json::array& all, std::size_t from) {
  const std::size_t begin = std::min(from, all.size());
  return json::array(all.begin() + begin, all.begin() + std::min(begin + request_items_max, all.size()));
}

// In requests that a controller takes at once: vouchers before the receipts and escrows that speak of them. One that fails leaves the
// earlier ones imported, and the same command goes on from there.
Result<json::object> post_all(StaffDesk& desk, const Sorted& sorted) {
  json::object sum = {{"imported", 0}, {"known", 0}, {"escrowed", 0}};
  const auto post = [&](json::object request) -> Done {
    Result<json::object> answer = desk.post("/v1/vouchers", std::move(request));
    if (!answer) return answer.error();
    for (auto& [key, value] : sum)
      if (const json::value* count = answer->if_contains(key)) value = value.as_int64() + count->to_number<std::int64_t>();
    return {};
  };
  for (std::size_t from = 0; from == 0 || from < sorted.vouchers.size(); from += request_items_max) {
    json::object request = {{"vouchers", part_of(sorted.vouchers, from)}};
    if (from == 0) {
      request["exports"] = sorted.exports;
      request["orders"] = sorted.orders;
    }
    if (Done posted = post(std::move(request)); !posted) return posted.error();
  }
  for (std::size_t from = 0; from < std::max(sorted.receipts.size(), sorted.escrows.size()); from += request_items_max)
    if (Done posted = post({{"receipts", part_of(sorted.receipts, from)}, {"escrows", part_of(sorted.escrows, from)}}); !posted) return posted.error();
  return sum;
}

}  // namespace

command_line::Command voucher_import(const Ports& ports) {
  return command_line::command<Options>(
      {"voucher", "import", "take over what a factory line built", "Each file is checked against its line's key. Importing the same again is no error and changes nothing.",
       {"leaseback-fleet voucher import line-1.export orders/*.yaml", "leaseback-fleet voucher import station/vouchers/*.json station/receipts/*.json orders/*.yaml"}, {}},
      declare, [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Sorted sorted;
        for (const std::string& path : options.files) {
          Result<std::string> text = ports.files.read(path, agent::contract::line_export_max);
          if (!text) return text.error().within("reading " + path);
          if (Done put = sort_in(path, *text, sorted); !put) return put.error();
        }
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::object> answer = post_all(*desk, sorted);
        if (!answer) return answer.error();
        if (options.desk.json) print_json(streams.out, *answer);
        else streams.out << text_in(*answer, "imported") << " vouchers imported, " << text_in(*answer, "known") << " known before\n";
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli

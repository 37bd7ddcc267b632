#include <boost/json.hpp>

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
  list.words("FILE", options.files, "vouchers, receipts, sealed escrows (DSSE, as the station wrote them) and orders (*.yaml), in any order");
  declare_desk(options.desk, list);
}

struct Sorted {
  json::array vouchers;
  json::array receipts;
  json::array orders;
  json::array escrows;
};

Done sort_in(const std::string& path, const std::string& text, Sorted& sorted) {
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

}  // namespace

command_line::Command voucher_import(const Ports& ports) {
  return command_line::command<Options>(
      {"voucher", "import", "take over what a factory line built", "Each file is checked against its line's key. Importing the same again is no error and changes nothing.",
       {"leaseback-fleet voucher import station/vouchers/*.json station/receipts/*.json orders/*.yaml"}, {}},
      declare, [ports](const Options& options, command_line::Streams& streams) -> Result<command_line::ExitCode> {
        Sorted sorted;
        for (const std::string& path : options.files) {
          Result<std::string> text = ports.files.read(path, kibibytes(64));
          if (!text) return text.error().within("reading " + path);
          if (Done put = sort_in(path, *text, sorted); !put) return put.error();
        }
        Result<StaffDesk> desk = StaffDesk::open(ports, options.desk);
        if (!desk) return desk.error();
        Result<json::object> answer = desk->post("/v1/vouchers", {{"vouchers", sorted.vouchers}, {"receipts", sorted.receipts}, {"orders", sorted.orders}, {"escrows", sorted.escrows}});
        if (!answer) return answer.error();
        if (options.desk.json) print_json(streams.out, *answer);
        else streams.out << text_in(*answer, "imported") << " vouchers imported, " << text_in(*answer, "known") << " known before\n";
        return command_line::ExitCode::Done;
      });
}

}  // namespace fleet::cli

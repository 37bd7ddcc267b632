// The label of a machine that furnishes resources.
#include <ostream>

#include "images/keys/key_files.h"
#include "images/keys/statement.h"
#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/label/label.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;
namespace contract = agent::contract;

struct LabelMakeOptions {
  OrderOptions order;
  std::string voucher;
  std::string line_key;
  std::string receiver;
  std::string contact;
  std::string link;
  std::string out;
};

void declare(LabelMakeOptions& options, OptionList& list) {
  list.optional_word("ORDER", options.order.order, "the order, a YAML file: a label without the machine's id");
  list.optional("voucher", "FILE", options.voucher, "the line's voucher for the machine: a label with its id");
  list.optional("line-key", "PEM", options.line_key, "public key of the line that signed the voucher");
  list.required("to", "NAME", options.receiver, "to whom the machine furnishes resources");
  list.required("contact", "TEXT", options.contact, "where to ask and to leave: telephone, address");
  list.optional("link", "URL", options.link, "https://HOST/PATH that the QR code leads to, with serial and machine id added");
  list.required("out", "FILE", options.out, "label.svg, or label.html to print");
  list.optional("rules", "DIR", options.order.rules, "folder of rules (default: the rules shipped with this program)");
}

Done check(const LabelMakeOptions& options) {
  if (options.order.order.empty() == options.voucher.empty()) return Error{ErrorCode::InvalidInput, "give either an ORDER or --voucher", {}};
  if (options.voucher.empty() != options.line_key.empty())
    return Error{ErrorCode::InvalidInput, "--voucher and --line-key go together: a voucher is worth nothing without the key that verifies it", {}};
  if (!options.out.ends_with(".svg") && !options.out.ends_with(".html"))
    return Error{ErrorCode::InvalidInput, "--out must end in .svg or .html: that says what is made", {}};
  return {};
}

Result<label::LabelFacts> facts_from_voucher(const LabelMakeOptions& options, const Ports& ports) {
  const auto envelope = ports.files.read(options.voucher, Bytes{images::keys::statement_size_max});
  if (!envelope) return envelope.error();
  const auto key = images::keys::read_public_key(ports.files, options.line_key);
  if (!key) return key.error().within("reading " + options.line_key);
  const auto statement = images::keys::parse_statement(*envelope);
  if (!statement) return statement.error().within("reading " + options.voucher);
  if (Done verified = images::keys::verify_statement(*statement, *key, contract::voucher_type); !verified)
    return verified.error().within("verifying " + options.voucher);
  const auto voucher = contract::voucher_from(statement->payload);
  if (!voucher) return voucher.error().within("reading " + options.voucher);
  return label::facts_of(*voucher);
}

Result<label::LabelFacts> facts_from_order(const LabelMakeOptions& options, const Ports& ports) {
  const auto work = read_work(options.order, "", ports);
  if (!work) return work.error();
  return label::facts_of(*work);
}

Result<ExitCode> run(const LabelMakeOptions& options, const Ports& ports, Streams& streams) {
  auto facts = options.voucher.empty() ? facts_from_order(options, ports) : facts_from_voucher(options, ports);
  if (!facts) return facts.error();
  facts->receiver = options.receiver;
  facts->contact = options.contact;
  facts->link = options.link;
  if (Done checked = label::check(*facts); !checked) return checked.error();
  const auto made = options.out.ends_with(".svg") ? label::svg(*facts) : label::page(*facts);
  if (!made) return made.error();
  if (Done written = ports.files.replace(options.out, *made, images::files::Access::Everyone); !written) return written.error();
  streams.out << "label of " << facts->serial << " in " << options.out << "\n";
  return ExitCode::Done;
}

}  // namespace

command_line::Command label_make_command(const Ports& ports) {
  return command_line::command<LabelMakeOptions>(
      {.noun = "label",
       .verb = "make",
       .summary = "make the label of a machine that furnishes resources",
       .description = "Draws a label of 100 by 60 mm with the machine's serial, its id, a QR code, the statement that it furnishes resources and to whom, and "
                      "how its owner may leave: as SVG, or as a page that prints at true size. An order that declined gets none.",
       .examples = {"leaseback-provision label make home-alice.yaml --to 'Example Leasing' --contact '+1 555 0100' --out label.svg",
                    "leaseback-provision label make --voucher station/vouchers/home-alice.json --line-key station/line.pem --to 'Example Leasing' "
                    "--contact 'leave.example' --link https://leave.example/m --out label.html"},
       .exits = {}},
      declare, [&ports](const LabelMakeOptions& options, Streams& streams) { return run(options, ports, streams); }, check);
}

}  // namespace provision::cli

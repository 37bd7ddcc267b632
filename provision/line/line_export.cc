#include "provision/line/line_export.h"

#include <set>

#include "images/keys/statement.h"
#include "provision/run/escrow_export.h"
#include "provision/run/identity.h"

namespace provision::line {
namespace {

constexpr Bytes statement_max{images::keys::statement_size_max};

Result<Instant> made_at(const std::string& dsse) {
  const auto statement = images::keys::parse_statement(dsse);
  if (!statement) return statement.error();
  if (statement->type == agent::contract::receipt_type) {
    const auto receipt = agent::contract::receipt_from(statement->payload);
    return receipt ? Result<Instant>(receipt->done_at) : Result<Instant>(receipt.error());
  }
  const auto voucher = run::claimed_voucher(dsse);
  return voucher ? Result<Instant>(voucher->made_at) : Result<Instant>(voucher.error());
}

// The statements of a folder, but for those of these runs.
Result<std::vector<std::string>> statements_in(const run::Station& station, const std::string& folder, const std::set<std::string>& without,
                                               const std::optional<Instant>& since) {
  const std::string path = station.folder() + "/" + folder;
  const auto names = station.files().list(path);
  if (!names) return names.error();
  std::vector<std::string> texts;
  for (const std::string& name : *names) {
    if (!name.ends_with(".json") || without.contains(name.substr(0, name.size() - 5))) continue;
    auto text = station.files().read(path + "/" + name, statement_max);
    if (!text) return text.error();
    while (!text->empty() && text->back() == '\n') text->pop_back();
    const auto made = made_at(*text);
    if (!made) return made.error().within("reading " + path + "/" + name);
    if (!since || *made >= *since) texts.push_back(std::move(*text));
  }
  return texts;
}

// The escrows of the machines of these vouchers.
Result<std::vector<std::string>> sealed_escrows(const run::Station& station, const std::vector<std::string>& vouchers,
                                                const images::keys::PublicKey& escrow_key, Instant now) {
  const auto line_key = station.line_key();
  if (!line_key) return line_key.error();
  std::vector<std::string> sealed;
  for (const std::string& voucher : vouchers) {
    const auto facts = run::claimed_voucher(voucher);
    if (!facts) return facts.error();
    const auto escrow = station.escrow(facts->order);
    if (!escrow) return escrow.error();
    if (!*escrow || (*escrow)->lease_uuid.empty()) continue;
    auto text = run::sealed_escrow(**escrow, facts->machine, escrow_key, *line_key, now);
    if (!text) return text.error().within("sealing the escrow of order " + facts->order.text);
    while (!text->empty() && text->back() == '\n') text->pop_back();
    sealed.push_back(std::move(*text));
  }
  return sealed;
}

}  // namespace

Result<agent::contract::LineExportItems> items_to_export(const run::Station& station, const ExportRequest& request, Instant now) {
  const auto runs = station.runs();
  if (!runs) return runs.error();
  // Machines without agent have receipts that the controller has no machine for.
  std::set<std::string> without;
  for (const run::RunSummary& one : *runs)
    if (one.state != "finished" || one.machine.empty()) without.insert(one.name);
  agent::contract::LineExportItems items;
  auto vouchers = statements_in(station, "vouchers", without, request.since);
  if (!vouchers) return vouchers.error();
  items.vouchers = std::move(*vouchers);
  auto receipts = statements_in(station, "receipts", without, request.since);
  if (!receipts) return receipts.error();
  items.receipts = std::move(*receipts);
  if (!request.escrow_key) return items;
  auto escrows = sealed_escrows(station, items.vouchers, *request.escrow_key, now);
  if (!escrows) return escrows.error();
  items.escrows = std::move(*escrows);
  return items;
}

}  // namespace provision::line

// links: agent_contract
#include <string>

#include "agent/contract/line_export.h"

// Whatever is read holds what its statement counts; nothing else is accepted. The statement's digest guards the lines, so they are
// tried with a right one, too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agent::contract;
  using namespace policies::vocabulary;
  static const images::keys::PrivateKey key = *images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto read = line_export_from(text);
  if (read) invariant(read->items.vouchers.size() == read->facts.vouchers && is_line_export(text), "an export holds what it counts");
  LineExportItems items;
  std::string* last = nullptr;
  for (std::size_t at = 0; at < text.size() && items.vouchers.size() + items.receipts.size() < 100;) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    auto& into = text[at] % 2 == 0 ? items.vouchers : items.receipts;
    last = &into.emplace_back(text.substr(at, end - at));
    for (char& c : *last) c = static_cast<char>(c & 0x7f);
    at = end + 1;
  }
  const auto made = line_export_text(items, "line-1", Instant{}, key);
  invariant(made.has_value(), "a small export can be made");
  const auto again = line_export_from(*made);
  invariant(again && again->items == items, "an export reads back as itself");
  return 0;
}

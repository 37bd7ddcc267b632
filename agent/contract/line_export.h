// The file by which a factory line that has no network tells the controller what it built.
//
// Format, lines of UTF-8 text, each ending in a newline:
//   1      the DSSE of a LineExport, signed by the line's key: how many lines of each kind follow, and the SHA-256 of all their bytes
//   2...   {"voucher": DSSE} or {"receipt": DSSE} or {"escrow": TEXT}, one JSON object each, in this order of kinds
// Vouchers and receipts are signed themselves; an escrow is sealed to the controller's key before it gets here. Importing a file, a
// part of it or an older one again changes nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/contract/statements.h"
#include "images/keys/keys.h"

namespace agent::contract {

inline constexpr Bytes line_export_max = mebibytes(64);
inline constexpr std::size_t line_export_lines_max = 100'000;

struct LineExportItems {
  std::vector<std::string> vouchers;  // DSSE texts
  std::vector<std::string> receipts;  // DSSE texts
  std::vector<std::string> escrows;   // sealed
  bool operator==(const LineExportItems&) const = default;
};

// LimitExceeded above the limits.
Result<std::string> line_export_text(const LineExportItems& items, const std::string& line, Instant now, const images::keys::PrivateKey& line_key);

struct ReadLineExport {
  std::string statement;  // the DSSE of the first line; whose signature it bears is for the caller to check
  LineExport facts;
  LineExportItems items;
};

// True when the text begins like such a file.
bool is_line_export(std::string_view text);
// InvalidInput, naming the line, for what is not such a file; Corrupt when what follows the statement is not what it was made for;
// LimitExceeded above the limits.
Result<ReadLineExport> line_export_from(std::string_view text);

}  // namespace agent::contract

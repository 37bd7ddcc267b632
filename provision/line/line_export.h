// What a line has to tell the controller, in one file.
#pragma once

#include <optional>
#include <string>

#include "agent/contract/line_export.h"
#include "provision/run/station.h"

namespace provision::line {
using namespace policies::vocabulary;

// Vouchers and receipts of all finished runs; those of runs in quarantine are not among them. With `since`, only what was made then
// or later. With the controller's escrow key, also the escrow of each leased machine among them, sealed to that key.
struct ExportRequest {
  std::optional<Instant> since;
  std::optional<images::keys::PublicKey> escrow_key;
};
Result<agent::contract::LineExportItems> items_to_export(const run::Station& station, const ExportRequest& request, Instant now);

}  // namespace provision::line

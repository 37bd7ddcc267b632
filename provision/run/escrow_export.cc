#include "provision/run/escrow_export.h"

#include <cstring>

#include "agent/contract/statements.h"
#include "images/keys/sealing.h"
#include "images/keys/statement.h"
#include "policies/vocabulary/hex.h"

namespace provision::run {

namespace contract = agent::contract;

Result<std::string> sealed_escrow(const Escrow& escrow, const MachineId& machine, const images::keys::PublicKey& controller,
                                  const images::keys::PrivateKey& line_key, Instant now) {
  if (escrow.lease_uuid.empty())
    return Error{ErrorCode::InvalidInput, "order " + escrow.order.text + " has no lease partition whose keys could be handed over", {}};
  contract::SlotKeys keys;
  keys.purposes = escrow.purposes;
  for (const std::string& key : escrow.slot_keys) keys.keys.push_back(policies::vocabulary::hex_of(key));
  contract::Escrow sealed;
  sealed.serial = escrow.serial;
  sealed.machine = machine;
  sealed.order = escrow.order;
  sealed.lease_uuid = escrow.lease_uuid;
  sealed.sealed_to = controller.id();
  sealed.made_at = std::chrono::floor<std::chrono::seconds>(now);
  std::string plain = contract::payload_of(keys);
  const Result<std::string> bytes = images::keys::seal_to(controller, plain, contract::escrow_context(sealed));
  ::explicit_bzero(plain.data(), plain.size());
  if (!bytes) return bytes.error().within("sealing the slot keys of order " + escrow.order.text);
  sealed.sealed = images::keys::base64_of(*bytes);
  return images::keys::sign_statement(contract::escrow_type, contract::payload_of(sealed), line_key);
}

}  // namespace provision::run

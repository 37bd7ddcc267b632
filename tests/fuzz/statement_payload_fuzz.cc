// links: agent_contract
#include <cstdint>
#include <string_view>

#include "agent/contract/statements.h"

namespace {

template <typename Statement>
void same_again(const policies::vocabulary::Result<Statement>& read, std::string_view payload) {
  if (read) policies::vocabulary::invariant(agent::contract::payload_of(*read) == payload, "a payload has two spellings");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace agent::contract;
  const std::string_view payload(reinterpret_cast<const char*>(bytes), size);
  same_again(voucher_from(payload), payload);
  same_again(consent_from(payload), payload);
  same_again(enrolment_from(payload), payload);
  same_again(receipt_from(payload), payload);
  same_again(offer_answer_from(payload), payload);
  same_again(ticket_from(payload), payload);
  same_again(escrow_from(payload), payload);
  same_again(slot_keys_from(payload), payload);
  same_again(release_order_from(payload), payload);
  same_again(line_export_statement_from(payload), payload);
  return 0;
}

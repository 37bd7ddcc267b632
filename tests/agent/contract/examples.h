// One example of each signed statement, with every field set; the golden bytes are made of them.
#pragma once

#include "agent/contract/statements.h"

namespace agent::contract::examples {

inline std::string hash(char digit) { return std::string(64, digit); }
inline Instant at(const char* text) { return *instant_from(text); }

inline Voucher voucher() {
  return {"SN-0001", MachineId(hash('a')), OrderId("home-1"), PartyId("alice"), "desk-750", TermsId("home-night"), 3, Digest(hash('b')),
          OfferId("double-disk"), "Europe/Berlin", Digest(hash('c')), Bytes{6'000'000'000}, 1'000, at("2026-11-21T07:56:19Z")};
}
inline Consent consent() {
  return {MachineId(hash('a')), Digest(hash('b')), Choice::Accepted, "Alice \"A.\" Müller", at("2026-11-22T18:00:00.250Z")};
}
inline Enrolment enrolment() {
  return {MachineId(hash('a')), "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n", "{\"payload\":\"voucher\"}", "{\"payload\":\"consent\"}", "00ff",
          at("2026-11-22T18:00:01Z")};
}
inline Receipt receipt() {
  return {ReceiptKind::Released, "SN-0001", MachineId(hash('a')), OrderId("home-1"), Digest(hash('1')), Digest(hash('2')), Bytes{6'000'000'000},
          Digest(hash('3')), Digest(hash('3')), true, {"destroyed the key slots", "deleted partition 4", "grew partition 3"}, at("2027-11-21T09:00:00Z")};
}
inline OfferAnswer offer_answer() {
  return {MachineId(hash('a')), AgreementId("agreement-7"), OfferId("second-year"), Choice::Declined, at("2027-11-01T09:00:00Z")};
}
inline Ticket ticket() { return {KeyId(hash('a')), Digest(hash('d')), TicketAct::Put, mebibytes(4), at("2026-11-23T00:00:00Z")}; }
inline Escrow escrow() {
  return {"SN-0001", MachineId(hash('a')), OrderId("home-1"), "0f3b8c52-1c9e-4d4c-8a57-0d3f5f3c6a11", KeyId(hash('e')), "c2VhbGVk", at("2026-11-21T07:56:19Z")};
}
inline ReleaseOrder release_order() {
  return {MachineId(hash('a')), AgreementId("agreement-7"), "ended", true, "", at("2027-11-21T08:00:00Z")};
}

inline LineExport line_export() { return {"line-1", Digest(hash('e')), 32, 32, 30, at("2026-11-21T18:00:00Z")}; }

}  // namespace agent::contract::examples

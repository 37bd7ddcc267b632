// The signed statements that rooms and people exchange as files and in requests. Each is a DSSE envelope
// (images/keys/statement.h) whose payload is JSON with exactly the fields below; PROTOCOL.md lists them. Decoding refuses
// unknown or missing fields, wrong types, texts over 64 KiB (names: 256 bytes) and any spelling but the canonical one with
// InvalidInput; it does not verify signatures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/instant.h"

namespace agent::contract {
using namespace policies::vocabulary;

// DSSE payload types.
inline constexpr std::string_view voucher_type = "application/vnd.leaseback.voucher+json";
inline constexpr std::string_view consent_type = "application/vnd.leaseback.consent+json";
inline constexpr std::string_view enrolment_type = "application/vnd.leaseback.enrolment+json";
inline constexpr std::string_view receipt_type = "application/vnd.leaseback.receipt+json";
inline constexpr std::string_view offer_answer_type = "application/vnd.leaseback.offer-answer+json";
inline constexpr std::string_view ticket_type = "application/vnd.leaseback.ticket+json";
inline constexpr std::string_view release_order_type = "application/vnd.leaseback.release-order+json";
inline constexpr std::string_view escrow_type = "application/vnd.leaseback.escrow+json";
inline constexpr std::string_view line_export_type = "application/vnd.leaseback.line-export+json";

// Signed by the line's key: this machine was built for this order, with these terms on offer.
struct Voucher {
  std::string serial;
  MachineId machine;
  OrderId order;
  PartyId owner;
  std::string model;
  TermsId terms;
  std::uint32_t terms_version = 0;
  Digest terms_digest;  // SHA-256 of policies::terms::canonical_text
  OfferId offer;
  std::string zone;     // IANA name
  Digest plan_digest;   // SHA-256 of the disk plan's canonical text
  Bytes lease;          // size of the lease partition; 0 when there is none
  std::uint32_t processor_mhz = 0;  // what was built in: the speed C of the formulas, until a benchmark replaces it
  Instant made_at;
};

enum class Choice { Accepted, Declined };

// Signed by the machine's key: what its owner answered. The controller countersigns; the owner keeps both.
struct Consent {
  MachineId machine;
  Digest terms_digest;
  Choice choice = Choice::Declined;
  std::string answered_by;  // the name the owner gave
  Instant answered_at;
};

// Signed by the machine's key: proof of the key, bound to one controller and one moment.
struct Enrolment {
  MachineId machine;
  std::string public_key_pem;
  std::string voucher;      // the DSSE text of the voucher
  std::string consent;      // the DSSE text of the consent
  std::string nonce;        // hexadecimal; the controller's, from GET /v1/enrolments/nonce
  Instant made_at;
};

enum class ReceiptKind { Provisioned, Released, Retrofitted };

// Signed by the line's key (Provisioned, Retrofitted) or the machine's key (Released): what was done to a disk.
struct Receipt {
  ReceiptKind kind = ReceiptKind::Provisioned;
  std::string serial;
  MachineId machine;           // empty for a machine without agent, which has no key
  OrderId order;
  Digest table_before;      // SHA-256 of the partition table's canonical text; empty for a blank disk
  Digest table_after;
  Bytes freed;              // given back to the customer's partition; 0 when none
  Digest owner_files_before;  // SHA-256 tree digest of the customer's partition; empty when it was made by this run
  Digest owner_files_after;
  bool key_slots_destroyed = false;
  std::vector<std::string> steps;  // what was done, in order, for people
  Instant done_at;
};

// Signed by the machine's key: the owner's answer to a renewal offer.
struct OfferAnswer {
  MachineId machine;
  AgreementId agreement;
  OfferId offer;
  Choice choice = Choice::Declined;
  Instant answered_at;
};

enum class TicketAct { Get, Put };

// Signed by the controller: whoever proves `holder` may move this element until then, and nothing else.
struct Ticket {
  KeyId holder;
  Digest element;
  TicketAct act = TicketAct::Get;
  Bytes size_max;
  Instant expires_at;
};

// Signed by the controller: the lease partition of this machine may go. Whoever carries it out refuses one that is neither drained
// nor forced.
struct ReleaseOrder {
  MachineId machine;
  AgreementId agreement;
  std::string reason;     // declined, ended, discontinued, terminated
  bool drained = false;   // nothing lies on it that anybody counts on: all was moved, or nothing ever came
  std::string forced_by;  // when not drained: the operator who answers for what is lost
  Instant made_at;
};

// Signed by the line's key: what follows it in an export file (line_export.h) is all that the line says, and unchanged.
struct LineExport {
  std::string line;
  Digest content;  // SHA-256 of all bytes after the statement's line
  std::uint64_t vouchers = 0;
  std::uint64_t receipts = 0;
  std::uint64_t escrows = 0;
  Instant made_at;
};

// Signed by the line's key: the keys of a lease partition's slots, on their way to the controller and at rest there. Only the
// controller's escrow key opens `sealed`: images::keys::seal_to of payload_of(SlotKeys), in the context escrow_context.
struct Escrow {
  std::string serial;
  MachineId machine;
  OrderId order;
  std::string lease_uuid;  // of the LUKS header
  KeyId sealed_to;         // the controller's escrow key
  std::string sealed;      // base64
  Instant made_at;
};
// Ties the sealed keys to their machine and partition, so that they cannot be passed off as another's.
std::string escrow_context(const Escrow& escrow);

// Inside of an escrow. Secret: never in a log, an error or a record in clear.
struct SlotKeys {
  std::vector<std::string> purposes;  // by slot: "controller", "recovery"
  std::vector<std::string> keys;      // by slot: 64 hexadecimal digits
  SlotKeys() = default;
  SlotKeys(const SlotKeys&) = default;
  SlotKeys(SlotKeys&&) noexcept = default;
  SlotKeys& operator=(const SlotKeys&) = default;
  SlotKeys& operator=(SlotKeys&&) noexcept = default;
  ~SlotKeys();  // zeroes the keys
};

std::string payload_of(const Escrow& escrow);
std::string payload_of(const SlotKeys& keys);
std::string payload_of(const Voucher& voucher);
std::string payload_of(const Consent& consent);
std::string payload_of(const Enrolment& enrolment);
std::string payload_of(const Receipt& receipt);
std::string payload_of(const OfferAnswer& answer);
std::string payload_of(const Ticket& ticket);
std::string payload_of(const ReleaseOrder& order);
std::string payload_of(const LineExport& exported);

Result<Escrow> escrow_from(std::string_view payload);
// InvalidInput, without repeating a key, for anything but 1 to 32 slots, each with a purpose and a key.
Result<SlotKeys> slot_keys_from(std::string_view payload);
Result<Voucher> voucher_from(std::string_view payload);
Result<Consent> consent_from(std::string_view payload);
Result<Enrolment> enrolment_from(std::string_view payload);
Result<Receipt> receipt_from(std::string_view payload);
Result<OfferAnswer> offer_answer_from(std::string_view payload);
Result<Ticket> ticket_from(std::string_view payload);
Result<ReleaseOrder> release_order_from(std::string_view payload);
Result<LineExport> line_export_statement_from(std::string_view payload);

}  // namespace agent::contract

// Everything outside that an agent touches, beside images::files::Files and agent::sandbox::Sandbox. All begin_...
// calls return at once; each is followed by exactly one event (events.h) given to Agent::deliver, from whatever it
// leads to. An implementation may deliver the event within the call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/consent/consent.h"
#include "agent/contract/terms_document.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/id.h"
#include "policies/vocabulary/instant.h"

namespace agent::daemon {
using namespace policies::vocabulary;

// The controller's message channel. The agent has at most one of these five under way at a time.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void begin_nonce() = 0;                             // GET /v1/enrolments/nonce -> NonceArrived
  virtual void begin_enrolment(const std::string& dsse) = 0;  // POST /v1/enrolments -> EnrolmentAnswered
  virtual void begin_frame(
      const std::string& encoded) = 0;  // POST .../messages, agent::link::encode_frame -> FrameArrived
  virtual void begin_receipt(const std::string& dsse) = 0;  // POST /v1/receipts -> ReceiptTaken
  virtual void begin_slot_key() = 0;                        // POST .../slot-key -> SlotKeyArrived
  // The certificate to show from now on.
  virtual void present(const std::string& certificate_pem) = 0;
};

// The data channel. `transfer` is the agent's own number, given back in the event.
class ElementTransfer {
 public:
  virtual ~ElementTransfer() = default;
  virtual void begin_get(std::uint64_t transfer, const Digest& digest, Bytes size_max,
                         const std::string& ticket) = 0;  // -> ElementArrived
  virtual void begin_put(std::uint64_t transfer, const Digest& digest, std::string bytes,
                         const std::string& ticket) = 0;  // -> ElementTaken
};

struct RenewalQuestion {
  std::string agreement;
  std::string offer;
  std::string text;
  Instant answer_by;
};

// Where the owner is asked, and speaks. Asked again at each step until there is an answer; nothing means "not answered
// yet".
class OwnerDesk {
 public:
  virtual ~OwnerDesk() = default;
  virtual std::optional<consent::Answer> terms_answer(const contract::TermsDocument& terms) = 0;
  virtual std::optional<contract::Choice> renewal_answer(const RenewalQuestion& question) = 0;
  // The owner's word on pausing: the text of presence::Pause; empty when there is none.
  virtual std::string pause_text() = 0;
  // A message to the owner (a notice, a delivery). Never modal, may be dropped.
  virtual void tell(const std::string& text) = 0;
};

// Gives the disk back: the installed `leaseback-provision disk release`, which may be run again until it has said
// "released".
class Releaser {
 public:
  virtual ~Releaser() = default;
  // `order` is the controller's signed release order (DSSE). -> DiskReleased, with what was done as contract::Receipt;
  // the agent fills in `machine`, `kind` and, when it is the epoch, `done_at`, and signs it.
  virtual void begin_release(const std::string& order) = 0;
};

// Opens the lease partition and mounts it where the vault is: the installed `leaseback-provision lease open`, which may be run
// again and again.
class LeaseOpener {
 public:
  virtual ~LeaseOpener() = default;
  // `key` is the controller's slot key (64 hexadecimal digits), or empty: then the TPM is to open it. -> PartitionAnswered
  virtual void begin_open(const std::string& key) = 0;
};

}  // namespace agent::daemon

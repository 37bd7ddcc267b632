// What the owner was asked and what they answered: once, durably, signed by the machine. No answer is no consent.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/contract/statements.h"
#include "agent/contract/terms_document.h"
#include "images/files/files.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/result.h"

namespace agent::consent {
using namespace policies::vocabulary;

struct Answer {
  contract::Choice choice = contract::Choice::Declined;
  std::string name;  // the name the owner gave; may be empty
};

// A consent as it lies on the disk.
struct Record {
  contract::Consent consent;
  std::string dsse;           // the signed statement
  std::string countersigned;  // with the controller's signature added; empty until it came
};

// Keeps the answer in `folder`: consent.dsse, and consent-countersigned.dsse once the controller has signed too.
// `files` must outlive it.
class ConsentBook {
 public:
  ConsentBook(images::files::Files& files, std::string folder) : files_(&files), folder_(std::move(folder)) {}

  // What was answered; nothing when nothing was. Corrupt when the record is there and cannot be read: then nobody is
  // asked again and nothing is furnished until a person has looked.
  Result<std::optional<Record>> read() const;

  // Signs the answer and makes it durable before it returns. Conflict when there is an answer already, whatever it was;
  // InvalidInput for a name over 200 bytes or with control characters.
  Result<Record> record(const contract::TermsDocument& terms, const Answer& answer, const MachineId& machine,
                        const images::keys::PrivateKey& device_key, Instant now);

  // Keeps the countersigned copy beside the record. Refused when it is not our consent, signed by us and by
  // `controller`.
  Done keep_countersigned(const std::string& dsse, const images::keys::PublicKey& device,
                          const images::keys::PublicKey& controller);

 private:
  images::files::Files* files_;
  std::string folder_;
};

}  // namespace agent::consent

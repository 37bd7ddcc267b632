// The owner's desk on a machine: small files in the state folder, which the owner's commands write and the daemon
// reads; or a file of scripted answers where nobody sits at the machine.
#pragma once

#include <optional>
#include <string>

#include "agent/consent/scripted_answers.h"
#include "agent/daemon/ports.h"
#include "images/files/files.h"

namespace agent::daemon {

// Names in the state folder. Written as a whole by commands.
inline constexpr std::string_view pause_name = "pause";                    // text of presence::Pause
inline constexpr std::string_view renewal_answer_name = "renewal-answer";  // "OFFER accept" or "OFFER decline"
inline constexpr std::string_view notices_name = "owner/notices.txt";      // messages to the owner, newest last

class StateDesk final : public OwnerDesk {
 public:
  // `files` must outlive it.
  StateDesk(images::files::Files& files, std::string state_folder, std::optional<consent::ScriptedAnswers> scripted)
      : files_(&files), state_folder_(std::move(state_folder)), scripted_(std::move(scripted)) {}

  // Scripted, or nothing: at the console the answer is recorded by `leaseback-agent first-boot` itself.
  std::optional<consent::Answer> terms_answer(const contract::TermsDocument& terms) override;
  std::optional<contract::Choice> renewal_answer(const RenewalQuestion& question) override;
  std::string pause_text() override;
  // Keeps the newest 64 KiB of what was told.
  void tell(const std::string& text) override;

 private:
  images::files::Files* files_;
  std::string state_folder_;
  std::optional<consent::ScriptedAnswers> scripted_;
};

// What a command leaves for the daemon. InvalidInput for an offer's name with spaces or line ends.
Done leave_renewal_answer(images::files::Files& files, const std::string& state_folder, const std::string& offer,
                          contract::Choice choice);

}  // namespace agent::daemon

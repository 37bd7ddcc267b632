#include "agent/daemon/state_desk.h"

namespace agent::daemon {
namespace {

constexpr Bytes small = kibibytes(4);
constexpr std::size_t notices_max = 64 * 1024;

std::string in(const std::string& folder, std::string_view name) { return folder + "/" + std::string(name); }

}  // namespace

std::optional<consent::Answer> StateDesk::terms_answer(const contract::TermsDocument&) {
  if (!scripted_ || !scripted_->terms) return std::nullopt;
  return consent::Answer{.choice = *scripted_->terms, .name = scripted_->name};
}

std::optional<contract::Choice> StateDesk::renewal_answer(const RenewalQuestion& question) {
  if (scripted_ && scripted_->renewal) return scripted_->renewal;
  const std::string text = files_->read(in(state_folder_, renewal_answer_name), small).value_or("");
  if (text == question.offer + " accept") return contract::Choice::Accepted;
  if (text == question.offer + " decline") return contract::Choice::Declined;
  return std::nullopt;
}

std::string StateDesk::pause_text() { return files_->read(in(state_folder_, pause_name), small).value_or(""); }

void StateDesk::tell(const std::string& text) {
  const std::string path = in(state_folder_, notices_name);
  std::string notices = files_->read(path, Bytes{2 * notices_max}).value_or("") + text + "\n\n";
  if (notices.size() > notices_max) notices.erase(0, notices.size() - notices_max);
  // A notice that cannot be kept is lost, as a letter is; the agreement itself is not in it.
  static_cast<void>(files_->replace(path, notices, images::files::Access::Everyone).has_value());
}

Done leave_renewal_answer(images::files::Files& files, const std::string& state_folder, const std::string& offer,
                          contract::Choice choice) {
  if (offer.empty() || offer.find_first_of(" \n") != std::string::npos)
    return Error{ErrorCode::InvalidInput, "an offer's name has no spaces", {}};
  return files.replace(in(state_folder, renewal_answer_name),
                       offer + (choice == contract::Choice::Accepted ? " accept" : " decline"),
                       images::files::Access::OwnerOnly);
}

}  // namespace agent::daemon

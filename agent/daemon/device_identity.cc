#include "agent/daemon/device_identity.h"

#include <charconv>

#include "agent/contract/install_paths.h"
#include "images/keys/key_files.h"
#include "images/keys/statement.h"

namespace agent::daemon {
namespace {

constexpr Bytes file_max = kibibytes(1024);
constexpr const char* version = "0.1.0";

Error refused(std::string what) { return Error{ErrorCode::Refused, std::move(what), {"reading who this machine is"}}; }

// The value behind "name" and a separator on the first line that begins with it.
std::string value_of(const std::string& text, std::string_view name, std::string_view separators) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name)) continue;
    const std::size_t begin = line.find_first_not_of(separators, name.size());
    if (begin == std::string_view::npos) return {};
    const std::size_t last = line.find_last_not_of("\" ");
    return std::string(line.substr(begin, last - begin + 1));
  }
  return {};
}

std::uint64_t number_from(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Result<Identity> read_identity(images::files::Files& files, const std::string& state_folder,
                               const std::string& settings_folder) {
  const std::string doing = "reading who this machine is";
  const auto in = [](const std::string& folder, std::string_view name) { return folder + "/" + std::string(name); };
  Result<images::keys::PrivateKey> key =
      images::keys::read_private_key(files, in(state_folder, contract::device_key_name));
  if (!key) return std::move(key).error().within(doing);
  Result<std::string> voucher = files.read(in(state_folder, contract::voucher_name), file_max);
  if (!voucher) return std::move(voucher).error().within(doing);
  while (!voucher->empty() && voucher->back() == '\n') voucher->pop_back();
  Result<images::keys::Statement> statement = images::keys::parse_statement(*voucher);
  if (!statement) return std::move(statement).error().within("reading the voucher").within(doing);
  Result<contract::Voucher> voucher_facts = contract::voucher_from(statement->payload);
  if (!voucher_facts) return std::move(voucher_facts).error().within("reading the voucher").within(doing);
  Result<std::string> terms_text = files.read(in(settings_folder, contract::terms_name), file_max);
  if (!terms_text) return std::move(terms_text).error().within(doing);
  Result<contract::TermsDocument> terms = contract::terms_document_from(*terms_text);
  if (!terms) return std::move(terms).error().within(doing);
  Result<std::string> authority = files.read(in(settings_folder, contract::authority_name), file_max);
  if (!authority) return std::move(authority).error().within(doing);
  if (voucher_facts->machine.text != key->id().text)
    return refused("the voucher is for machine " + voucher_facts->machine.text + ", the key is " + key->id().text);
  if (voucher_facts->terms_digest != terms->digest)
    return refused("the terms on this machine are not those of its voucher");
  return Identity{.device_key = *std::move(key),
                  .voucher = *std::move(voucher),
                  .voucher_facts = *std::move(voucher_facts),
                  .terms = *std::move(terms),
                  .authority_pem = *std::move(authority)};
}

MachineFacts read_machine_facts(images::files::Files& files, std::uint32_t clock_mhz) {
  MachineFacts facts;
  facts.agent_version = version;
  facts.processor_mhz = clock_mhz;
  const std::string processors = files.read("/proc/cpuinfo", mebibytes(4)).value_or("");
  std::uint32_t count = 0;
  for (std::size_t at = processors.find("processor\t"); at != std::string::npos;
       at = processors.find("\nprocessor\t", at + 1))
    ++count;
  facts.processors = std::max(count, 1U);
  if (clock_mhz == 0)
    facts.processor_mhz = static_cast<std::uint32_t>(number_from(value_of(processors, "cpu MHz", "\t :")));
  facts.memory =
      kibibytes(number_from(value_of(files.read("/proc/meminfo", kibibytes(64)).value_or(""), "MemTotal:", " ")));
  facts.operating_system = value_of(files.read("/etc/os-release", kibibytes(64)).value_or(""), "PRETTY_NAME", "=\"");
  return facts;
}

}  // namespace agent::daemon

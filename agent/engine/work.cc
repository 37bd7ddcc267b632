#include "agent/engine/work.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <set>

#include "agent/contract/messages.pb.h"
#include "policies/vocabulary/hex.h"

namespace agent::engine {
namespace {

constexpr int elements_max = 64;
constexpr int arguments_max = 256;
constexpr std::size_t name_max = 255;
constexpr std::size_t argument_max = 4096;
constexpr std::size_t parameters_max = std::size_t{1} << 20;

Error invalid(const contract::Assignment& message, std::string what) {
  return Error{ErrorCode::InvalidInput, std::move(what), {"reading assignment " + message.assignment()}};
}

bool is_file_name(const std::string& name) {
  return !name.empty() && name.size() <= name_max && name != "." && name != ".." &&
         name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
}

Done check(const contract::Assignment& message) {
  if (message.assignment().empty() || message.assignment().size() > name_max)
    return invalid(message, "its id has 1 to 255 bytes");
  if (message.elements_size() == 0 || message.elements_size() > elements_max)
    return invalid(message, "it has 1 to 64 elements");
  if (message.arguments_size() > arguments_max) return invalid(message, "it has more than 256 arguments");
  if (message.parameters_json().size() > parameters_max)
    return invalid(message, "its parameters are larger than 1 MiB");
  std::set<std::string> names;
  bool entry_found = false;
  for (const contract::Element& element : message.elements()) {
    if (!is_file_name(element.name())) return invalid(message, "an element's name is no file name");
    if (!names.insert(element.name()).second) return invalid(message, "two elements have the name " + element.name());
    if (!is_sha256_hex(element.digest())) return invalid(message, "the digest of " + element.name() + " is no SHA-256");
    entry_found = entry_found || element.name() == message.entry();
  }
  if (!entry_found) return invalid(message, "its entry is none of its elements");
  for (const std::string& argument : message.arguments()) {
    if (argument.size() > argument_max || argument.find('\0') != std::string::npos)
      return invalid(message, "an argument is longer than 4 KiB or holds a zero byte");
  }
  return {};
}

std::string serialized(const contract::Assignment& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

Work work_of(const contract::Assignment& message) {
  Work work;
  work.assignment = AssignmentId{message.assignment()};
  work.task = message.task();
  work.job = message.job();
  for (const contract::Element& element : message.elements()) {
    work.elements.push_back({.name = element.name(),
                             .digest = Digest{element.digest()},
                             .size = Bytes{element.size()},
                             .ticket = element.ticket(),
                             .executable = element.executable()});
  }
  work.entry = message.entry();
  work.arguments.assign(message.arguments().begin(), message.arguments().end());
  work.parameters_json = message.parameters_json();
  work.memory_max = Bytes{message.memory_max_bytes()};
  work.scratch_max = Bytes{message.scratch_max_bytes()};
  work.result_max = Bytes{message.result_max_bytes()};
  work.processor_max = Duration{message.processor_ms_max()};
  work.deadline = Instant{Duration{message.deadline_ms()}};
  work.priority = message.priority();
  work.result_ticket = message.result_ticket();
  return work;
}

}  // namespace

std::string signed_bytes(const contract::Assignment& message) {
  contract::Assignment unsigned_message = message;
  unsigned_message.clear_signature();
  return serialized(unsigned_message);
}

Result<Work> work_from(const contract::Assignment& message, const images::keys::PublicKey& controller) {
  Result<std::string> signature = images::keys::bytes_of_base64(message.signature());
  if (!signature)
    return Error{
        ErrorCode::Unauthenticated, "its signature is not base64", {"reading assignment " + message.assignment()}};
  Done verified = controller.verify(signed_bytes(message), *signature);
  if (!verified) return verified.error().within("verifying assignment " + message.assignment());
  Done checked = check(message);
  if (!checked) return checked.error();
  return work_of(message);
}

std::string encoded(const Work& work) {
  contract::Assignment message;
  message.set_assignment(work.assignment.text);
  message.set_task(work.task);
  message.set_job(work.job);
  for (const NeededElement& element : work.elements) {
    contract::Element& added = *message.add_elements();
    added.set_name(element.name);
    added.set_digest(element.digest.text);
    added.set_size(element.size.count);
    added.set_ticket(element.ticket);
    added.set_executable(element.executable);
  }
  message.set_entry(work.entry);
  for (const std::string& argument : work.arguments) message.add_arguments(argument);
  message.set_parameters_json(work.parameters_json);
  message.set_memory_max_bytes(work.memory_max.count);
  message.set_scratch_max_bytes(work.scratch_max.count);
  message.set_result_max_bytes(work.result_max.count);
  message.set_processor_ms_max(static_cast<std::uint32_t>(work.processor_max.count()));
  message.set_deadline_ms(work.deadline.time_since_epoch().count());
  message.set_priority(work.priority);
  message.set_result_ticket(work.result_ticket);
  return serialized(message);
}

Result<Work> work_from_encoded(std::string_view bytes) {
  contract::Assignment message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error{ErrorCode::Corrupt, "the queued work cannot be read", {}};
  }
  Done checked = check(message);
  if (!checked) return checked.error();
  return work_of(message);
}

contract::TaskStatus message_of(const Report& report) {
  contract::TaskStatus message;
  message.set_assignment(report.assignment.text);
  message.set_outcome(static_cast<contract::TaskOutcome>(report.outcome));
  message.set_result_digest(report.result_digest.text);
  message.set_result(report.result);
  message.set_processor_ms(static_cast<std::uint64_t>(report.processor.count()));
  message.set_started_ms(report.started.time_since_epoch().count());
  message.set_ended_ms(report.ended.time_since_epoch().count());
  message.set_reason(report.reason);
  message.set_exit_code(report.exit_code);
  return message;
}

}  // namespace agent::engine

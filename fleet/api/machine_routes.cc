// The message channel of machines, and the key that one of them may ask for.
#include <boost/json.hpp>

#include "fleet/api/api.h"
#include "fleet/api/json_body.h"

namespace fleet::api {
namespace {

constexpr std::string_view frame_type = "application/vnd.leaseback.frame";

// As coarse as placement needs it: the /24 or /48 block of the caller's address.
std::string network_of(const std::string& address) {
  const char separator = address.find(':') == std::string::npos ? '.' : ':';
  std::size_t end = 0;
  for (int part = 0; part < 3 && end != std::string::npos; ++part) end = address.find(separator, part == 0 ? 0 : end + 1);
  return address.substr(0, end);
}

Result<agent::link::HttpResponse> messages(Context& context, Call& call, store::Batch& batch) {
  if (call.words[0] != call.caller.machine.text)
    return Error{ErrorCode::PermissionDenied, "this certificate is not that machine's", {}};
  Result<std::string> frame =
      context.operations.messages(call.caller.machine, call.request.body, network_of(call.request.remote_address), call.now, batch);
  if (!frame) return frame.error();
  agent::link::HttpResponse answer;
  answer.headers["content-type"] = frame_type;
  answer.body = *std::move(frame);
  return answer;
}

// Not a message: messages wait in both ends' records, and this must stand in none.
Result<agent::link::HttpResponse> slot_key(Context& context, Call& call, store::Batch& batch) {
  if (call.words[0] != call.caller.machine.text)
    return Error{ErrorCode::PermissionDenied, "this certificate is not that machine's", {}};
  const Result<operations::SlotKeyAnswer> answer = context.operations.slot_key(call.caller.machine, call.now, batch);
  if (!answer) return answer.error();
  agent::link::HttpResponse written =
      json_answer(200, {{"slot", answer->slot}, {"purpose", answer->purpose}, {"lease_uuid", answer->lease_uuid}, {"key", answer->key}});
  written.headers["cache-control"] = "no-store";
  return written;
}

}  // namespace

std::vector<Route> machine_routes() {
  return {{"POST", "/v1/machines/{id}/messages", Audience::Machine, messages},
          {"POST", "/v1/machines/{id}/slot-key", Audience::Machine, slot_key}};
}

}  // namespace fleet::api

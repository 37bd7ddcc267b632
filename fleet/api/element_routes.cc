// The data channel: bytes named by their SHA-256.
#include <boost/json.hpp>
#include <charconv>

#include "fleet/api/api.h"
#include "fleet/api/json_body.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/hex.h"

namespace fleet::api {
namespace {

Result<Digest> digest_of(const std::string& word) {
  if (!is_sha256_hex(word)) return Error{ErrorCode::InvalidInput, "an element is named by 64 lower-case hexadecimal digits", {}};
  return Digest(word);
}

Result<std::string> ticket_of(const Request& request) {
  const auto header = request.headers.find("leaseback-ticket");
  if (header == request.headers.end()) return std::string();
  return images::keys::bytes_of_base64(header->second);
}

// "bytes=5-" only: what a resumed download asks for.
Result<std::uint64_t> offset_of(const Request& request) {
  const auto header = request.headers.find("range");
  if (header == request.headers.end()) return std::uint64_t{0};
  const std::string_view range = header->second;
  std::uint64_t offset = 0;
  const bool shaped = range.starts_with("bytes=") && range.ends_with('-') && range.size() > 7;
  const char* end = range.data() + range.size() - 1;
  if (!shaped || std::from_chars(range.data() + 6, end, offset).ptr != end)
    return Error{ErrorCode::InvalidInput, "the range must be 'bytes=N-'", {}};
  return offset;
}

Result<agent::link::HttpResponse> get(Context& context, Call& call, store::Batch&) {
  Result<Digest> digest = digest_of(call.words[0]);
  if (!digest) return digest.error();
  Result<std::string> ticket = ticket_of(call.request);
  if (!ticket) return ticket.error();
  Result<std::uint64_t> offset = offset_of(call.request);
  if (!offset) return offset.error();
  Result<operations::ElementPart> part = context.operations.get_element(call.caller, *digest, *offset, *ticket, call.now);
  if (!part) return part.error();
  agent::link::HttpResponse answer;
  answer.headers["content-type"] = "application/octet-stream";
  answer.headers["accept-ranges"] = "bytes";
  if (call.request.headers.contains("range") && part->offset < part->whole.count) {
    answer.status = 206;
    answer.headers["content-range"] = "bytes " + std::to_string(part->offset) + "-" + std::to_string(part->whole.count - 1) + "/" +
                                      std::to_string(part->whole.count);
  }
  answer.body = std::move(part->bytes);
  return answer;
}

Result<agent::link::HttpResponse> put(Context& context, Call& call, store::Batch& batch) {
  Result<Digest> digest = digest_of(call.words[0]);
  if (!digest) return digest.error();
  Result<std::string> ticket = ticket_of(call.request);
  if (!ticket) return ticket.error();
  Result<operations::ElementPut> outcome = context.operations.put_element(call.caller, *digest, call.request.body, *ticket, call.now, batch);
  if (!outcome) return outcome.error();
  return json_answer(*outcome == operations::ElementPut::Created ? 201 : 200, {{"digest", digest->text}, {"size", call.request.body.size()}});
}

}  // namespace

std::vector<Route> element_routes() {
  return {{"GET", "/v1/elements/{digest}", Audience::MachineOrClient, get},
          {"PUT", "/v1/elements/{digest}", Audience::MachineOrClient, put}};
}

}  // namespace fleet::api

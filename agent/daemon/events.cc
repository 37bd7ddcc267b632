#include "agent/daemon/events.h"

#include <boost/json.hpp>

namespace agent::daemon {
namespace {

constexpr std::size_t answer_max = std::size_t{1} << 20;

Result<boost::json::object> object_from(std::string_view text, const char* doing) {
  if (text.size() > answer_max)
    return Error{ErrorCode::LimitExceeded, "the answer is larger than " + Bytes{answer_max}.text(), {doing}};
  boost::json::error_code error;
  boost::json::parse_options options;
  options.max_depth = 16;
  boost::json::value value = boost::json::parse(boost::json::string_view(text.data(), text.size()), error, {}, options);
  if (error || !value.is_object()) return Error{ErrorCode::InvalidInput, "the answer is not one JSON object", {doing}};
  return std::move(value.get_object());
}

// Absent fields are empty; the caller says which it needs.
std::string text_in(const boost::json::object& object, const char* name) {
  const boost::json::value* field = object.if_contains(name);
  if (field == nullptr || !field->is_string()) return {};
  return {field->get_string().data(), field->get_string().size()};
}

Error missing(const char* name, const char* doing) {
  return Error{ErrorCode::InvalidInput, std::string("the field \"") + name + "\" is missing", {doing}};
}

}  // namespace

Result<Nonce> nonce_from(std::string_view json) {
  constexpr const char* doing = "reading the controller's nonce";
  Result<boost::json::object> object = object_from(json, doing);
  if (!object) return std::move(object).error();
  Nonce nonce{.nonce = text_in(*object, "nonce"), .controller_key_pem = text_in(*object, "controller_key_pem")};
  if (nonce.nonce.empty()) return missing("nonce", doing);
  if (nonce.controller_key_pem.empty()) return missing("controller_key_pem", doing);
  return nonce;
}

Result<EnrolmentAnswer> enrolment_answer_from(std::string_view json) {
  constexpr const char* doing = "reading the answer to the enrolment";
  Result<boost::json::object> object = object_from(json, doing);
  if (!object) return std::move(object).error();
  const std::string state = text_in(*object, "state");
  if (state != "leased" && state != "declined")
    return Error{ErrorCode::InvalidInput, "the state is neither leased nor declined", {doing}};
  EnrolmentAnswer answer;
  answer.leased = state == "leased";
  answer.certificate_pem = text_in(*object, "certificate_pem");
  answer.countersigned = text_in(*object, "countersigned");
  answer.agreement = text_in(*object, "agreement");
  answer.release_order = text_in(*object, "release_order");
  if (const boost::json::value* terms = object->if_contains("terms"))
    answer.terms_json = boost::json::serialize(*terms);
  if (answer.leased && answer.certificate_pem.empty()) return missing("certificate_pem", doing);
  if (!answer.leased && answer.release_order.empty()) return missing("release_order", doing);
  return answer;
}

}  // namespace agent::daemon

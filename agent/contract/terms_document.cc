#include "agent/contract/terms_document.h"

#include <boost/json.hpp>

#include "images/keys/keys.h"

namespace agent::contract {
namespace {

constexpr std::size_t text_max = std::size_t{256} << 10;

Error invalid(std::string message) {
  return Error{ErrorCode::InvalidInput, std::move(message), {"reading the terms document"}};
}

}  // namespace

std::string text_of(const TermsDocument& document) {
  return boost::json::serialize(boost::json::object{
             {"text", document.text}, {"canonical", document.canonical}, {"digest", document.digest.text}}) +
         "\n";
}

Result<TermsDocument> terms_document_from(std::string_view json) {
  if (json.size() > 3 * text_max) return invalid("it is larger than " + Bytes{3 * text_max}.text());
  boost::json::error_code error;
  boost::json::parse_options options;
  options.max_depth = 4;
  const boost::json::value value =
      boost::json::parse(boost::json::string_view(json.data(), json.size()), error, {}, options);
  if (error || !value.is_object()) return invalid("it is not one JSON object");
  const boost::json::object& object = value.get_object();
  TermsDocument document;
  const std::pair<const char*, std::string*> fields[] = {
      {"text", &document.text}, {"canonical", &document.canonical}, {"digest", &document.digest.text}};
  for (const auto& [name, target] : fields) {
    const boost::json::value* field = object.if_contains(name);
    if (field == nullptr || !field->is_string())
      return invalid(std::string("the text field \"") + name + "\" is missing");
    target->assign(field->get_string().data(), field->get_string().size());
    if (target->size() > text_max)
      return invalid(std::string("the field \"") + name + "\" is longer than " + Bytes{text_max}.text());
  }
  if (object.size() != std::size(fields)) return invalid("it has fields beside text, canonical and digest");
  if (images::keys::sha256(document.canonical) != document.digest)
    return invalid("the digest is not that of the canonical terms");
  return document;
}

}  // namespace agent::contract

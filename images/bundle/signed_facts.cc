#include "images/bundle/signed_facts.h"

#include <boost/json.hpp>

#include "policies/vocabulary/hex.h"
#include "policies/vocabulary/json_text.h"

namespace images::bundle {

SignedFacts signed_facts_of(const ArchiveFacts& facts) {
  return {facts.manifest.name, facts.manifest.version, facts.manifest.architecture,
          facts.archive_size,  facts.archive_sha256,   facts.manifest_sha256};
}

std::string text_of(const SignedFacts& facts) {
  JsonText json;
  json.object().key("format").text(bundle_format).key("name").text(facts.name).key("version").text(facts.version);
  json.key("architecture").text(facts.architecture).key("archive_bytes").bytes(facts.archive_size);
  json.key("archive_sha256").id(facts.archive_sha256).key("manifest_sha256").id(facts.manifest_sha256);
  return json.end().finished();
}

Result<SignedFacts> signed_facts_from(std::string_view json) {
  const Error bad{ErrorCode::InvalidInput, "the signature speaks of no bundle of format leaseback-bundle-1", {}};
  boost::json::parse_options options;
  options.max_depth = 2;
  boost::system::error_code failed;
  const boost::json::value value = boost::json::parse({json.data(), json.size()}, failed, {}, options);
  if (failed || !value.is_object() || value.get_object().size() != 7) return bad;
  const auto text = [&](const char* name) {
    const boost::json::value* const member = value.get_object().if_contains(name);
    return member == nullptr || !member->is_string() ? std::string() : std::string(member->get_string());
  };
  const boost::json::value* const size = value.get_object().if_contains("archive_bytes");
  if (size == nullptr || !size->is_int64() || size->get_int64() < 0) return bad;
  SignedFacts facts{text("name"),
                    text("version"),
                    text("architecture"),
                    Bytes{static_cast<std::uint64_t>(size->get_int64())},
                    Digest(text("archive_sha256")),
                    Digest(text("manifest_sha256"))};
  if (text("format") != bundle_format || !is_sha256_hex(facts.archive_sha256.text) ||
      !is_sha256_hex(facts.manifest_sha256.text))
    return bad;
  return facts;
}

}  // namespace images::bundle

#include "fleet/objects/objects.h"

#include <zstd.h>

#include <bit>
#include <boost/json.hpp>
#include <optional>

#include "images/keys/sealing.h"
#include "policies/vocabulary/hex.h"

namespace fleet::objects {
namespace {

namespace json = boost::json;
namespace keys = images::keys;

constexpr char format_version = 1;
constexpr int compression_level = 3;
constexpr std::size_t length_size = 8;         // of the length before the compressed content
constexpr std::size_t sealed_min = 4'096;
constexpr std::size_t shard_multiple = 64;     // what the erasure code's instructions like
constexpr std::size_t facts_multiple = 256;
constexpr std::size_t facts_max = 16 * 1024;
constexpr std::size_t name_max = 1'024;
constexpr std::size_t content_type_max = 256;
constexpr std::size_t wrapped_key_size = keys::sealing_key_size + keys::sealing_overhead;

Error corrupt(std::string why) { return {ErrorCode::Corrupt, std::move(why), {}}; }

std::string context_of(std::string_view part, const ObjectId& id) { return "leaseback object " + std::string(part) + " 1 " + id.text; }

std::string little_endian(std::uint64_t number) {
  std::string bytes;
  for (std::size_t i = 0; i < length_size; ++i) bytes += static_cast<char>(number >> (8 * i));
  return bytes;
}
std::uint64_t from_little_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < length_size; ++i) number |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return number;
}

std::size_t rounded_up(std::size_t size, std::size_t multiple) { return (size + multiple - 1) / multiple * multiple; }

// Padme (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019): of a size only its
// leading bits remain, at most 12 % is added.
std::size_t padme(std::size_t size) {
  const auto exponent = static_cast<unsigned>(std::bit_width(size) - 1);
  const auto kept = static_cast<unsigned>(std::bit_width(exponent));
  const std::size_t mask = exponent > kept ? (std::size_t{1} << (exponent - kept)) - 1 : 0;
  return (size + mask) & ~mask;
}

std::size_t shard_size_for(std::size_t sealed, Code code) {
  const std::size_t padded = std::max(sealed_min, padme(sealed));
  return rounded_up((padded + code.data - 1) / code.data, shard_multiple);
}

std::string compressed(std::string_view content) {
  std::string packed(ZSTD_compressBound(content.size()), '\0');
  const std::size_t size = ZSTD_compress(packed.data(), packed.size(), content.data(), content.size(), compression_level);
  invariant(!ZSTD_isError(size), "zstd refused to compress an object");
  packed.resize(size);
  return packed;
}

std::string text_of_facts(const Facts& facts) {
  const json::object object{{"name", facts.name},
                            {"content_type", facts.content_type},
                            {"size", facts.size.count},
                            {"digest", facts.digest.text},
                            {"put_at", text_of(facts.put_at)}};
  std::string text = json::serialize(object);
  const std::uint64_t length = text.size();
  text.resize(rounded_up(length_size + text.size(), facts_multiple) - length_size, '\0');
  return little_endian(length) + text;
}

Result<Facts> facts_from(std::string_view padded) {
  const Error bad = corrupt("the facts of an object are not what a client writes");
  if (padded.size() < length_size) return bad;
  const std::uint64_t length = from_little_endian(padded);
  if (length > padded.size() - length_size) return bad;
  json::error_code failure;
  const std::string_view text = padded.substr(length_size, length);
  const json::value parsed = json::parse(json::string_view(text.data(), text.size()), failure);
  const json::object* object = failure ? nullptr : parsed.if_object();
  if (object == nullptr) return bad;
  const auto string = [&](const char* key) {
    const json::value* found = object->if_contains(key);
    return found != nullptr && found->is_string() ? std::optional<std::string>(found->get_string()) : std::nullopt;
  };
  const auto name = string("name"), content_type = string("content_type"), digest = string("digest"), put_at = string("put_at");
  const json::value* size = object->if_contains("size");
  if (!name || !content_type || !digest || !put_at || size == nullptr || !size->is_int64() || size->get_int64() < 0) return bad;
  const Result<Instant> moment = instant_from(*put_at);
  if (!moment || !is_sha256_hex(*digest)) return bad;
  return Facts{*name, *content_type, Bytes{static_cast<std::uint64_t>(size->get_int64())}, Digest(*digest), *moment};
}

struct OpenedFacts {
  std::string object_key;
  Facts facts;
};

Result<OpenedFacts> opened(const ObjectId& id, std::string_view sealed_facts, std::string_view client_secret) {
  invariant(client_secret.size() == client_secret_size, "a client's secret has 32 bytes");
  if (sealed_facts.size() <= 1 + wrapped_key_size || sealed_facts.size() > facts_max) return corrupt("sealed facts of an impossible size");
  if (sealed_facts.front() != format_version)
    return Error{ErrorCode::Unsupported, "the object was sealed in format " + std::to_string(static_cast<int>(sealed_facts.front())) + ", this program knows format 1", {}};
  const std::string client_key = keys::derived_key(client_secret, "leaseback object wrapping 1");
  Result<std::string> object_key = keys::open(client_key, sealed_facts.substr(1, wrapped_key_size), context_of("key", id));
  if (!object_key) return corrupt("not sealed for this object by this client");
  const Result<std::string> padded = keys::open(*object_key, sealed_facts.substr(1 + wrapped_key_size), context_of("facts", id));
  if (!padded) return padded.error();
  Result<Facts> facts = facts_from(*padded);
  if (!facts) return facts.error();
  return OpenedFacts{*std::move(object_key), *std::move(facts)};
}

std::string list_of(const std::vector<std::size_t>& numbers) {
  std::string text;
  for (const std::size_t number : numbers) text += (text.empty() ? "" : ", ") + std::to_string(number);
  return text;
}

Done check_expected(Code code, const std::vector<ShardFacts>& expected) {
  if (const Done checked = check(code); !checked) return checked;
  if (expected.size() != code.total) return Error{ErrorCode::InvalidInput, "not one fact per shard of the code", {}};
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (expected[i].index != i) return Error{ErrorCode::InvalidInput, "the facts of the shards are not in order", {}};
  return {};
}

bool matches(const ShardFacts& expected, std::string_view bytes) {
  return bytes.size() == expected.size.count && keys::sha256(bytes) == expected.digest;
}

}  // namespace

Result<SealedObject> seal_object(const ObjectId& id, std::string_view content, Facts facts, Code code, std::string_view client_secret) {
  invariant(client_secret.size() == client_secret_size, "a client's secret has 32 bytes");
  if (const Done checked = check(code); !checked) return checked.error();
  if (content.size() > content_max.count)
    return Error{ErrorCode::LimitExceeded,
                 "an object has at most " + content_max.text() + ", this one has " + Bytes{content.size()}.text() + "; store it in parts", {}};
  if (facts.name.empty() || facts.name.size() > name_max || facts.content_type.size() > content_type_max)
    return Error{ErrorCode::InvalidInput, "an object's name has 1 to 1024 bytes, its content type at most 256", {}};
  facts.size = Bytes{content.size()};
  facts.digest = keys::sha256(content);

  std::string plain = compressed(content);
  plain.insert(0, little_endian(plain.size()));
  const std::size_t shard_size = shard_size_for(plain.size() + keys::sealing_overhead, code);
  plain.resize(shard_size * code.data - keys::sealing_overhead, '\0');

  const std::string object_key = keys::random_bytes(keys::sealing_key_size);
  const Result<std::string> sealed = keys::seal(object_key, plain, context_of("content", id));
  if (!sealed) return sealed.error();
  plain = std::string();
  const Result<std::string> wrapped = keys::seal(keys::derived_key(client_secret, "leaseback object wrapping 1"), object_key, context_of("key", id));
  if (!wrapped) return wrapped.error();
  const Result<std::string> sealed_facts = keys::seal(object_key, text_of_facts(facts), context_of("facts", id));
  if (!sealed_facts) return sealed_facts.error();

  SealedObject object{std::string(1, format_version) + *wrapped + *sealed_facts, code, {}, encode(code, *sealed)};
  for (std::size_t i = 0; i < code.total; ++i)
    object.shards.push_back({i, keys::sha256(object.shard_bytes[i]), Bytes{object.shard_bytes[i].size()}});
  return object;
}

Result<Facts> open_facts(const ObjectId& id, std::string_view sealed_facts, std::string_view client_secret) {
  const Result<OpenedFacts> open = opened(id, sealed_facts, client_secret);
  if (!open) return open.error().within("opening the facts of object " + id.text);
  return open->facts;
}

Result<std::string> open_object(const ObjectId& id, std::string_view sealed_facts, Code code, const std::vector<ShardFacts>& expected,
                                const Shards& have, std::string_view client_secret) {
  const std::string doing = "opening object " + id.text;
  if (const Done checked = check_expected(code, expected); !checked) return checked.error().within(doing);
  const Result<OpenedFacts> open = opened(id, sealed_facts, client_secret);
  if (!open) return open.error().within(doing);
  Shards good;
  std::vector<std::size_t> bad;
  for (const auto& [index, bytes] : have)
    if (index < code.total && matches(expected[index], bytes))
      good.emplace(index, bytes);
    else
      bad.push_back(index);
  if (good.size() < code.data)
    return corrupt(std::to_string(code.data) + " good shards are needed, " + std::to_string(good.size()) + " are there" +
                   (bad.empty() ? "" : "; damaged: " + list_of(bad)))
        .within(doing);
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < code.data; ++i)
    if (!good.contains(i)) missing.push_back(i);
  Result<Shards> made = recover(code, good, missing);
  if (!made) return made.error().within(doing);
  std::string sealed;
  for (std::size_t i = 0; i < code.data; ++i) sealed += good.contains(i) ? good[i] : (*made)[i];
  const Result<std::string> plain = keys::open(open->object_key, sealed, context_of("content", id));
  if (!plain) return plain.error().within(doing);
  if (plain->size() < length_size || from_little_endian(*plain) > plain->size() - length_size || open->facts.size > content_max)
    return corrupt("the content is not what a client writes").within(doing);
  std::string content(open->facts.size.count, '\0');
  const std::size_t size = ZSTD_decompress(content.data(), content.size(), plain->data() + length_size, from_little_endian(*plain));
  if (ZSTD_isError(size) || size != content.size() || keys::sha256(content) != open->facts.digest)
    return corrupt("the content does not match its digest").within(doing);
  return content;
}

Result<Shards> rebuild(Code code, const std::vector<ShardFacts>& expected, const Shards& have, const std::vector<std::size_t>& missing) {
  constexpr const char* doing = "rebuilding shards";
  if (const Done checked = check_expected(code, expected); !checked) return checked.error().within(doing);
  for (const auto& [index, bytes] : have)
    if (index >= code.total || !matches(expected[index], bytes))
      return corrupt("shard " + std::to_string(index) + " does not match its digest").within(doing);
  Result<Shards> made = recover(code, have, missing);
  if (!made) return made.error().within(doing);
  for (const auto& [index, bytes] : *made)
    if (!matches(expected[index], bytes))
      return corrupt("shard " + std::to_string(index) + " as rebuilt does not match its digest: the object was never encoded well").within(doing);
  return made;
}

}  // namespace fleet::objects

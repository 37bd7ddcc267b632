#include "images/bundle/bundle.h"

#include "images/bundle/archive_reader.h"
#include "images/bundle/signed_facts.h"
#include "images/keys/statement.h"

namespace images::bundle {
namespace {

constexpr std::size_t piece_size = 256 << 10;

std::string signature_path(const std::string& path) { return path + ".sig"; }

Result<std::string> read_envelope(files::Files& files, const std::string& path) {
  Result<std::string> envelope = files.read(signature_path(path), Bytes{keys::statement_size_max});
  if (!envelope) return envelope.error().within("reading the bundle's signature");
  return envelope;
}

// The payload and who of `trusted` signed it.
struct Trusted {
  SignedFacts facts;
  KeyId signer;
};

Result<Trusted> trusted_facts(files::Files& files, const std::string& path, std::span<const keys::PublicKey> trusted) {
  const Result<std::string> envelope = read_envelope(files, path);
  if (!envelope) return envelope.error();
  const Result<keys::Statement> statement = keys::parse_statement(*envelope);
  if (!statement) return statement.error().within("reading " + signature_path(path));
  for (const keys::PublicKey& key : trusted) {
    if (!keys::verify_statement(*statement, key, signature_type)) continue;
    Result<SignedFacts> facts = signed_facts_from(statement->payload);
    if (!facts) return facts.error();
    return Trusted{std::move(*facts), key.id()};
  }
  return Error{ErrorCode::Unauthenticated,
               "no good bundle signature of " +
                   (trusted.size() == 1 ? "key " + trusted[0].id().text.substr(0, 16) + "..." : "a trusted key") +
                   " in '" + signature_path(path) + "'",
               {}};
}

Error changed(const std::string& path) {
  return Error{ErrorCode::Corrupt, "the bytes of '" + path + "' are not those that were signed", {}};
}

// Before anything parses the archive: are these the signed bytes?
Done check_digest(files::Files& files, const std::string& path, const SignedFacts& facts) {
  const Result<std::uint64_t> size = files.size(path);
  if (!size) return size.error();
  if (*size != facts.archive_size.count) return changed(path);
  keys::Sha256 digest;
  std::uint64_t offset = 0;
  while (true) {
    const Result<std::string> piece = files.read_range(path, offset, piece_size);
    if (!piece) return piece.error();
    if (piece->empty()) break;
    offset += piece->size();
    if (offset > facts.archive_size.count) return changed(path);
    digest.add(*piece);
  }
  return digest.finish() == facts.archive_sha256 ? Done{} : Done(changed(path));
}

Result<VerifiedBundle> give_out(files::Files& files, const std::string& path, const Trusted& trusted, Sink& sink) {
  // The payload was hashed a moment ago, and its reader holds it against the manifest's words once more.
  Result<ArchiveFacts> facts = read_archive(files, path, sink, PayloadDigest::LeftOut);
  if (!facts) return facts.error();
  if (facts->manifest.system) facts->archive_sha256 = trusted.facts.archive_sha256;
  const SignedFacts found = signed_facts_of(*facts);
  if (found.archive_sha256 != trusted.facts.archive_sha256) return changed(path);
  if (!(found == trusted.facts))
    return Error{ErrorCode::InvalidInput, "the signature of '" + path + "' names another bundle than its manifest", {}};
  return VerifiedBundle{std::move(facts->manifest), trusted.signer, found.archive_sha256, found.archive_size, facts->payload_offset};
}

Result<VerifiedBundle> verify_for(files::Files& files, const std::string& path, const Trusted& trusted) {
  if (Done digest = check_digest(files, path, trusted.facts); !digest) return digest.error();
  NoSink nowhere;
  return give_out(files, path, trusted, nowhere);
}

}  // namespace

Done sign(files::Files& files, const std::string& path, const keys::PrivateKey& key) {
  NoSink nowhere;
  const Result<ArchiveFacts> facts = read_archive(files, path, nowhere);
  if (!facts) return facts.error().within("checking " + path + " before signing it");
  const std::string payload = text_of(signed_facts_of(*facts));
  const Result<bool> signed_before = files.exists(signature_path(path));
  if (!signed_before) return signed_before.error();
  if (!*signed_before) {
    const Result<std::string> envelope = keys::sign_statement(signature_type, payload, key);
    return envelope ? files.replace(signature_path(path), *envelope, files::Access::Everyone) : Done(envelope.error());
  }
  const Result<std::string> earlier = read_envelope(files, path);
  if (!earlier) return earlier.error();
  const Result<keys::Statement> statement = keys::parse_statement(*earlier);
  if (!statement || statement->type != signature_type || statement->payload != payload)
    return Error{
        ErrorCode::Conflict, "'" + signature_path(path) + "' speaks of other bytes; remove it to sign these", {}};
  const Result<std::string> envelope = keys::countersign_statement(*earlier, key);
  return envelope ? files.replace(signature_path(path), *envelope, files::Access::Everyone) : Done(envelope.error());
}

Result<VerifiedBundle> verify(files::Files& files, const std::string& path, std::span<const keys::PublicKey> trusted) {
  const Result<Trusted> facts = trusted_facts(files, path, trusted);
  if (!facts) return facts.error().within("verifying " + path);
  Result<VerifiedBundle> verified = verify_for(files, path, *facts);
  if (!verified) return verified.error().within("verifying " + path);
  return verified;
}

Result<VerifiedBundle> unpack(files::Files& files, const std::string& path, std::span<const keys::PublicKey> trusted,
                              Sink& sink) {
  const Result<Trusted> facts = trusted_facts(files, path, trusted);
  if (!facts) return facts.error().within("verifying " + path);
  if (const Result<VerifiedBundle> verified = verify_for(files, path, *facts); !verified)
    return verified.error().within("verifying " + path);
  Result<VerifiedBundle> given = give_out(files, path, *facts, sink);
  if (!given) return given.error().within("unpacking " + path);
  return given;
}

Done give_again(files::Files& files, const std::string& path, const VerifiedBundle& verified, Sink& sink) {
  const Result<ArchiveFacts> facts = read_archive(files, path, sink, PayloadDigest::LeftOut);
  if (!facts) return facts.error().within("unpacking " + path);
  return facts->manifest == verified.manifest ? Done{} : Done(changed(path));
}

Result<Manifest> inspect(files::Files& files, const std::string& path) {
  NoSink nowhere;
  Result<ArchiveFacts> facts = read_archive(files, path, nowhere, PayloadDigest::LeftOut);
  if (!facts) return facts.error().within("reading " + path);
  return std::move(facts->manifest);
}

Result<std::vector<KeyId>> signers_named(files::Files& files, const std::string& path) {
  const Result<std::string> envelope = read_envelope(files, path);
  if (!envelope) return envelope.error();
  const Result<keys::Statement> statement = keys::parse_statement(*envelope);
  if (!statement) return statement.error().within("reading " + signature_path(path));
  std::vector<KeyId> signers;
  for (const keys::StatementSignature& signature : statement->signatures) signers.push_back(signature.key);
  return signers;
}

}  // namespace images::bundle

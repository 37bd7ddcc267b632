#include "images/keys/keys.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>

#include "images/keys/openssl_parts.h"
#include "policies/vocabulary/hex.h"

namespace images::keys {
namespace {

constexpr std::size_t pem_size_max = 16 << 10;

bool is_ed25519(const EVP_PKEY* key) { return EVP_PKEY_is_a(key, "ED25519") == 1; }

bool is_p256(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  std::size_t length = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) == 1 &&
         (std::string_view(group.data(), length) == "prime256v1" || std::string_view(group.data(), length) == "P-256");
}

Error unsupported_key() {
  ERR_clear_error();
  return Error{ErrorCode::InvalidInput,
               "this is not an ECDSA P-256 or Ed25519 key; make one with 'leaseback-image key make'",
               {}};
}

std::string der_of(const EVP_PKEY* key) {
  const int length = i2d_PUBKEY(key, nullptr);
  invariant(length > 0, "a checked public key can be written as DER");
  std::string der(static_cast<std::size_t>(length), '\0');
  unsigned char* end = octets(der);
  invariant(i2d_PUBKEY(key, &end) == length, "a public key has one DER form");
  return der;
}

std::shared_ptr<EVP_PKEY> shared(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

// SHA-256 where the kind of key wants a digest named; Ed25519 brings its own.
const char* digest_name(const EVP_PKEY* key) { return is_ed25519(key) ? nullptr : "SHA256"; }

const EVP_MD* sha256_method() {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  invariant(method != nullptr, "OpenSSL offers SHA-256");
  return method;
}

}  // namespace

Result<PublicKey> PublicKey::from_der(std::string_view der) {
  if (der.size() > pem_size_max) return unsupported_key();
  const unsigned char* end = octets(der);
  OwnedKey key(d2i_PUBKEY(nullptr, &end, static_cast<long>(der.size())));
  if (!key || (!is_ed25519(key.get()) && !is_p256(key.get()))) return unsupported_key();
  // One key has one id: encodings that differ from the usual one (compressed points, trailing bytes) are refused.
  std::string usual = der_of(key.get());
  const std::size_t expected = is_ed25519(key.get()) ? 44 : 91;
  if (usual != der || usual.size() != expected) return unsupported_key();
  return PublicKey(shared(key.release()));
}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  if (pem.size() > pem_size_max) return Error{ErrorCode::LimitExceeded, "a public key in PEM has at most 16 KiB", {}};
  const OwnedBio bio = reading(pem);
  const OwnedKey key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key)
    return openssl_failure(ErrorCode::InvalidInput, "this is not a public key in PEM ('-----BEGIN PUBLIC KEY-----')");
  if (!is_ed25519(key.get()) && !is_p256(key.get())) return unsupported_key();
  return from_der(der_of(key.get()));
}

std::string PublicKey::der() const { return der_of(key_.get()); }

std::string PublicKey::pem() const {
  const OwnedBio bio = writing();
  invariant(PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1, "a checked public key can be written as PEM");
  return written_to(bio);
}

KeyKind PublicKey::kind() const { return is_ed25519(key_.get()) ? KeyKind::SigningKey : KeyKind::MachineKey; }

KeyId PublicKey::id() const { return KeyId(sha256(der()).text); }

Done PublicKey::verify(std::string_view bytes, std::string_view signature) const {
  const OwnedDigestContext context(EVP_MD_CTX_new());
  const bool verified =
      context &&
      EVP_DigestVerifyInit_ex(context.get(), nullptr, digest_name(key_.get()), nullptr, nullptr, key_.get(), nullptr) ==
          1 &&
      EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(bytes), bytes.size()) == 1;
  ERR_clear_error();
  if (verified) return {};
  return Error{ErrorCode::Unauthenticated,
               "the signature is not one of key " + id().text.substr(0, 16) + "... over these bytes",
               {}};
}

Result<PrivateKey> PrivateKey::generate(KeyKind kind) {
  OwnedKey key(kind == KeyKind::SigningKey ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                           : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (!key) return openssl_failure(ErrorCode::IoFailure, "OpenSSL made no key");
  return PrivateKey(shared(key.release()));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  if (pem.size() > pem_size_max) return Error{ErrorCode::LimitExceeded, "a private key in PEM has at most 16 KiB", {}};
  const OwnedBio bio = reading(pem);
  OwnedKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) {
    return openssl_failure(ErrorCode::InvalidInput,
                           "this is not an unencrypted private key in PEM ('-----BEGIN PRIVATE KEY-----')");
  }
  if (!is_ed25519(key.get()) && !is_p256(key.get())) return unsupported_key();
  if (const Result<PublicKey> half = PublicKey::from_der(der_of(key.get())); !half) return half.error();
  return PrivateKey(shared(key.release()));
}

std::string PrivateKey::pem() const {
  const OwnedBio bio = writing();
  invariant(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
            "a private key can be written as PEM");
  return written_to(bio);
}

PublicKey PrivateKey::public_key() const {
  Result<PublicKey> half = PublicKey::from_der(der_of(key_.get()));
  invariant(half.has_value(), "a private key has a public half");
  return *half;
}

Result<std::string> PrivateKey::sign(std::string_view bytes) const {
  const OwnedDigestContext context(EVP_MD_CTX_new());
  std::size_t length = 0;
  if (!context ||
      EVP_DigestSignInit_ex(context.get(), nullptr, digest_name(key_.get()), nullptr, nullptr, key_.get(), nullptr) !=
          1 ||
      EVP_DigestSign(context.get(), nullptr, &length, octets(bytes), bytes.size()) != 1)
    return openssl_failure(ErrorCode::IoFailure, "OpenSSL made no signature");
  std::string signature(length, '\0');
  if (EVP_DigestSign(context.get(), octets(signature), &length, octets(bytes), bytes.size()) != 1)
    return openssl_failure(ErrorCode::IoFailure, "OpenSSL made no signature");
  signature.resize(length);
  return signature;
}

struct Sha256::State {
  OwnedDigestContext context;
};

Sha256::Sha256() : state_(new State{OwnedDigestContext(EVP_MD_CTX_new())}) {
  invariant(state_->context && EVP_DigestInit_ex2(state_->context.get(), sha256_method(), nullptr) == 1,
            "SHA-256 starts");
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::add(std::string_view bytes) {
  invariant(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1,
            "SHA-256 takes bytes until finish()");
}

Digest Sha256::finish() {
  std::string digest(32, '\0');
  unsigned int length = 0;
  invariant(EVP_DigestFinal_ex(state_->context.get(), octets(digest), &length) == 1 && length == digest.size(),
            "SHA-256 finishes once");
  return Digest(hex_of(digest));
}

Digest sha256(std::string_view bytes) {
  Sha256 digest;
  digest.add(bytes);
  return digest.finish();
}

}  // namespace images::keys

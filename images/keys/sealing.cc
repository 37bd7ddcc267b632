#include "images/keys/sealing.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "images/keys/keys.h"
#include "images/keys/openssl_parts.h"

namespace images::keys {
namespace {

constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;
constexpr std::size_t piece_size_max = 1 << 30;  // OpenSSL counts in int

const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const method = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  invariant(method != nullptr, "OpenSSL offers AES-256-GCM");
  return method;
}

Done check_sizes(std::string_view key, std::string_view bytes, std::string_view context) {
  if (key.size() != sealing_key_size)
    return Error{ErrorCode::InvalidInput, "a sealing key has 32 bytes, this one " + std::to_string(key.size()), {}};
  if (bytes.size() > piece_size_max || context.size() > piece_size_max)
    return Error{ErrorCode::LimitExceeded, "one sealed piece has at most 1 GiB; seal larger things in pieces", {}};
  return {};
}

}  // namespace

Result<std::string> seal(std::string_view key, std::string_view plain, std::string_view context) {
  if (Done sizes = check_sizes(key, plain, context); !sizes) return sizes.error();
  std::string sealed = random_bytes(nonce_size);
  sealed.resize(nonce_size + plain.size() + tag_size);
  unsigned char* const at = octets(sealed);
  const OwnedCipherContext cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool done =
      cipher && EVP_EncryptInit_ex2(cipher.get(), aes_256_gcm(), octets(key), at, nullptr) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &length, octets(context), static_cast<int>(context.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), at + nonce_size, &length, octets(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), at + nonce_size + plain.size(), &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, at + nonce_size + plain.size()) == 1;
  if (!done) return openssl_failure(ErrorCode::IoFailure, "OpenSSL did not seal");
  return sealed;
}

Result<std::string> open(std::string_view key, std::string_view sealed, std::string_view context) {
  if (Done sizes = check_sizes(key, sealed, context); !sizes) return sizes.error();
  const Error corrupt{
      ErrorCode::Corrupt, "the sealed bytes, their context or the key are not those that were sealed", {}};
  if (sealed.size() < sealing_overhead) return corrupt;
  const std::string_view nonce = sealed.substr(0, nonce_size);
  const std::string_view body = sealed.substr(nonce_size, sealed.size() - sealing_overhead);
  std::string tag(sealed.substr(sealed.size() - tag_size));
  std::string plain(body.size(), '\0');
  const OwnedCipherContext cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool done =
      cipher && EVP_DecryptInit_ex2(cipher.get(), aes_256_gcm(), octets(key), octets(nonce), nullptr) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &length, octets(context), static_cast<int>(context.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), octets(plain), &length, octets(body), static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), octets(plain) + plain.size(), &length) == 1;
  ERR_clear_error();
  if (!done) {
    // Unauthenticated plaintext must not linger where a later read could find it.
    OPENSSL_cleanse(plain.data(), plain.size());
    return corrupt;
  }
  return plain;
}

namespace {

constexpr std::size_t public_key_size = 91;  // DER SubjectPublicKeyInfo of a P-256 key

// The key that both sides can compute, bound to both public keys.
Result<std::string> agreed_key(const PrivateKey& own, const PublicKey& other, std::string_view ephemeral_der, std::string_view recipient_der) {
  const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.native(), nullptr), EVP_PKEY_CTX_free);
  std::string secret(64, '\0');
  std::size_t length = secret.size();
  const bool done = context && EVP_PKEY_derive_init(context.get()) == 1 && EVP_PKEY_derive_set_peer(context.get(), other.native()) == 1 &&
                    EVP_PKEY_derive(context.get(), octets(secret), &length) == 1;
  if (!done) return openssl_failure(ErrorCode::InvalidInput, "the two keys do not agree on a secret");
  std::string key = derived_key(std::string_view(secret).substr(0, length),
                                "leaseback sealed to a key\n" + std::string(ephemeral_der) + std::string(recipient_der));
  OPENSSL_cleanse(secret.data(), secret.size());
  return key;
}

}  // namespace

Result<std::string> seal_to(const PublicKey& to, std::string_view plain, std::string_view context) {
  if (to.kind() != KeyKind::MachineKey) return Error{ErrorCode::InvalidInput, "only a P-256 key can be sealed to; this one only signs", {}};
  const Result<PrivateKey> ephemeral = PrivateKey::generate(KeyKind::MachineKey);
  if (!ephemeral) return ephemeral.error();
  const std::string der = ephemeral->public_key().der();
  Result<std::string> key = agreed_key(*ephemeral, to, der, to.der());
  if (!key) return key;
  Result<std::string> sealed = seal(*key, plain, context);
  OPENSSL_cleanse(key->data(), key->size());
  if (!sealed) return sealed;
  return der + *sealed;
}

Result<std::string> open_with(const PrivateKey& key, std::string_view sealed, std::string_view context) {
  const Error corrupt{ErrorCode::Corrupt, "the sealed bytes, their context or the key are not those that were sealed", {}};
  if (sealed.size() < sealing_to_overhead) return corrupt;
  const PublicKey own = key.public_key();
  if (own.kind() != KeyKind::MachineKey) return corrupt;
  const std::string_view der = sealed.substr(0, public_key_size);
  const Result<PublicKey> ephemeral = PublicKey::from_der(der);
  if (!ephemeral || ephemeral->kind() != KeyKind::MachineKey) return corrupt;
  Result<std::string> agreed = agreed_key(key, *ephemeral, der, own.der());
  if (!agreed) return corrupt;
  Result<std::string> plain = open(*agreed, sealed.substr(public_key_size), context);
  OPENSSL_cleanse(agreed->data(), agreed->size());
  return plain;
}

std::string derived_key(std::string_view secret, std::string_view purpose) {
  static EVP_KDF* const method = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  invariant(method != nullptr, "OpenSSL offers HKDF");
  const std::unique_ptr<EVP_KDF_CTX, void (*)(EVP_KDF_CTX*)> context(EVP_KDF_CTX_new(method), EVP_KDF_CTX_free);
  std::string digest = "SHA256";
  std::string secret_copy(secret);
  std::string purpose_copy(purpose);
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret_copy.data(), secret_copy.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, purpose_copy.data(), purpose_copy.size()),
      OSSL_PARAM_construct_end(),
  };
  std::string key(sealing_key_size, '\0');
  const bool done = context && EVP_KDF_derive(context.get(), octets(key), key.size(), parameters) == 1;
  OPENSSL_cleanse(secret_copy.data(), secret_copy.size());
  invariant(done, "HKDF derives a key");
  return key;
}

}  // namespace images::keys

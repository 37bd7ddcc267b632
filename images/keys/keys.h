// Key pairs, signatures, digests and random bytes. OpenSSL's crypto is behind this folder and nowhere else.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "policies/vocabulary/id.h"
#include "policies/vocabulary/result.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace images::keys {
using namespace policies::vocabulary;

enum class KeyKind {
  MachineKey,  // ECDSA P-256: what a TPM 2.0 can hold; for machines, clients, staff and servers
  SigningKey,  // Ed25519: for lines, releases and the controller's statements
};

class PublicKey {
 public:
  // From DER SubjectPublicKeyInfo. InvalidInput for anything but P-256 and Ed25519.
  static Result<PublicKey> from_der(std::string_view der);
  static Result<PublicKey> from_pem(std::string_view pem);
  [[nodiscard]] std::string der() const;
  [[nodiscard]] std::string pem() const;
  [[nodiscard]] KeyKind kind() const;
  // SHA-256 of der(), 64 hex digits: the id of whoever holds the key.
  [[nodiscard]] KeyId id() const;
  // Unauthenticated when the signature is not this key's over these bytes.
  [[nodiscard]] Done verify(std::string_view bytes, std::string_view signature) const;

  [[nodiscard]] evp_pkey_st* native() const { return key_.get(); }
  explicit PublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}

 private:
  std::shared_ptr<evp_pkey_st> key_;  // shared: immutable, and OpenSSL counts references itself
};

class PrivateKey {
 public:
  static Result<PrivateKey> generate(KeyKind kind);
  // Unencrypted PKCS#8 PEM, as host keys are kept: the file's mode protects it.
  static Result<PrivateKey> from_pem(std::string_view pem);
  [[nodiscard]] std::string pem() const;
  [[nodiscard]] PublicKey public_key() const;
  [[nodiscard]] KeyId id() const { return public_key().id(); }
  [[nodiscard]] Result<std::string> sign(std::string_view bytes) const;

  [[nodiscard]] evp_pkey_st* native() const { return key_.get(); }
  explicit PrivateKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}

 private:
  std::shared_ptr<evp_pkey_st> key_;
};

// SHA-256 as 64 hex digits.
Digest sha256(std::string_view bytes);

// SHA-256 of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void add(std::string_view bytes);
  // Call once, last.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// From the operating system's generator; aborts if that fails.
std::string random_bytes(std::size_t count);

std::string base64_of(std::string_view bytes);
Result<std::string> bytes_of_base64(std::string_view text);

}  // namespace images::keys

// Authenticated encryption of one piece of data: AES-256-GCM. The sealed form is nonce (12) | ciphertext | tag (16).
// To somebody's public key: ECIES over P-256 with a key pair of its own for each piece (ECDH, HKDF-SHA256 over both public
// keys, AES-256-GCM as above). That sealed form is the pair's public key as DER (91) | nonce | ciphertext | tag.
#pragma once

#include <string>
#include <string_view>

#include "images/keys/keys.h"
#include "policies/vocabulary/result.h"

namespace images::keys {
using namespace policies::vocabulary;

inline constexpr std::size_t sealing_key_size = 32;
inline constexpr std::size_t sealing_overhead = 28;

// `key` is 32 random bytes; `context` is authenticated but not stored: opening needs the same. Never reuse a key for
// more than 2^32 pieces (random nonces).
Result<std::string> seal(std::string_view key, std::string_view plain, std::string_view context);
// Corrupt when the key, the context or any byte differs from what was sealed.
Result<std::string> open(std::string_view key, std::string_view sealed, std::string_view context);

inline constexpr std::size_t sealing_to_overhead = 91 + sealing_overhead;

// Only whoever holds the private key can open it; it does not say who sealed it (sign it, when that matters). InvalidInput
// when `to` is no P-256 key.
Result<std::string> seal_to(const PublicKey& to, std::string_view plain, std::string_view context);
// Corrupt when the key, the context or any byte differs.
Result<std::string> open_with(const PrivateKey& key, std::string_view sealed, std::string_view context);

// A 32-byte key derived from `secret` for one `purpose`: HKDF-SHA256 (RFC 5869), empty salt.
std::string derived_key(std::string_view secret, std::string_view purpose);

}  // namespace images::keys

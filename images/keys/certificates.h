// X.509 certificates: the controller's own authority, and what it issues to machines, clients and staff. A certificate
// only proves a key; what its holder may do is looked up by the key's id.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "images/keys/keys.h"
#include "policies/vocabulary/instant.h"

namespace images::keys {

struct CertificateFacts {
  std::string common_name;
  KeyId subject_key;   // SHA-256 of the subject's SubjectPublicKeyInfo
  std::string serial;  // hexadecimal
  Instant not_before;
  Instant not_after;
};

// InvalidInput when `pem` is not one X.509 certificate.
Result<CertificateFacts> certificate_facts(std::string_view pem);
Result<PublicKey> certificate_key(std::string_view pem);

// A self-signed authority certificate, PEM.
Result<std::string> make_authority(const PrivateKey& key, std::string_view common_name, Instant not_before,
                                   Instant not_after);

enum class CertificateUse { Server, Client };

struct CertificateRequest {
  std::string common_name;
  PublicKey subject;
  CertificateUse use = CertificateUse::Client;
  std::vector<std::string> host_names;  // DNS names and IP addresses, for Server
  Instant not_before;
  Instant not_after;
};

// A certificate with a random 128-bit serial, signed by the authority. PEM.
Result<std::string> issue_certificate(const CertificateRequest& request, const PrivateKey& authority_key,
                                      std::string_view authority_pem);

// Unauthenticated unless `pem` was issued by `authority_pem` and is valid at `now`.
Done verify_certificate(std::string_view pem, std::string_view authority_pem, Instant now);

}  // namespace images::keys

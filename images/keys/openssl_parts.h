// OpenSSL's objects with owners, and its error queue as our Error. Included only by the sources of this folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"

struct bio_st;             // BIO
struct evp_pkey_st;        // EVP_PKEY
struct evp_md_ctx_st;      // EVP_MD_CTX
struct evp_cipher_ctx_st;  // EVP_CIPHER_CTX
struct x509_st;            // X509

namespace images::keys {
using namespace policies::vocabulary;

struct OpensslRelease {
  void operator()(bio_st* object) const;
  void operator()(evp_pkey_st* object) const;
  void operator()(evp_md_ctx_st* object) const;
  void operator()(evp_cipher_ctx_st* object) const;
  void operator()(x509_st* object) const;
};

using OwnedBio = std::unique_ptr<bio_st, OpensslRelease>;
using OwnedKey = std::unique_ptr<evp_pkey_st, OpensslRelease>;
using OwnedDigestContext = std::unique_ptr<evp_md_ctx_st, OpensslRelease>;
using OwnedCipherContext = std::unique_ptr<evp_cipher_ctx_st, OpensslRelease>;
using OwnedCertificate = std::unique_ptr<x509_st, OpensslRelease>;

// `what`, and what OpenSSL complained about last (never key material); empties its queue.
Error openssl_failure(ErrorCode code, std::string_view what);

// A BIO that reads `bytes`, which must outlive it. Precondition: fewer than 2 GiB.
OwnedBio reading(std::string_view bytes);
OwnedBio writing();
std::string written_to(const OwnedBio& bio);

inline const unsigned char* octets(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* octets(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// A passphrase callback that never asks on a terminal: a protected key is refused.
int no_passphrase(char*, int, int, void*);

}  // namespace images::keys

// OpenSSL's objects with owners, and its error queue as our Error. Included only by the sources of this folder.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "policies/vocabulary/result.h"

namespace images::keys {
using namespace policies::vocabulary;

template <auto release>
struct Release {
  template <typename T>
  void operator()(T* object) const {
    release(object);
  }
};

using OwnedBio = std::unique_ptr<BIO, Release<BIO_free_all>>;
using OwnedKey = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using OwnedDigestContext = std::unique_ptr<EVP_MD_CTX, Release<EVP_MD_CTX_free>>;
using OwnedCipherContext = std::unique_ptr<EVP_CIPHER_CTX, Release<EVP_CIPHER_CTX_free>>;
using OwnedCertificate = std::unique_ptr<X509, Release<X509_free>>;

// What OpenSSL complained about last (never key material); empties its queue.
inline std::string openssl_complaint() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "no reason given" : reason;
}

inline Error openssl_failure(ErrorCode code, std::string_view what) {
  return Error{code, std::string(what) + " (" + openssl_complaint() + ")", {}};
}

// A BIO that reads `bytes`, which must outlive it. Precondition: fewer than 2 GiB.
inline OwnedBio reading(std::string_view bytes) { return OwnedBio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }
inline OwnedBio writing() { return OwnedBio(BIO_new(BIO_s_mem())); }

inline std::string written_to(const OwnedBio& bio) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &start);
  return {start, static_cast<std::size_t>(size)};
}

inline const unsigned char* octets(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
inline unsigned char* octets(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

// Never asks on a terminal for the passphrase of a protected key: such a key is refused.
inline int no_passphrase(char*, int, int, void*) { return 0; }

}  // namespace images::keys

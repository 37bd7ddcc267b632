#include "images/keys/openssl_parts.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace images::keys {

void OpensslRelease::operator()(bio_st* object) const { BIO_free_all(object); }
void OpensslRelease::operator()(evp_pkey_st* object) const { EVP_PKEY_free(object); }
void OpensslRelease::operator()(evp_md_ctx_st* object) const { EVP_MD_CTX_free(object); }
void OpensslRelease::operator()(evp_cipher_ctx_st* object) const { EVP_CIPHER_CTX_free(object); }
void OpensslRelease::operator()(x509_st* object) const { X509_free(object); }

Error openssl_failure(ErrorCode code, std::string_view what) {
  const unsigned long complaint = ERR_peek_last_error();
  const char* reason = complaint == 0 ? nullptr : ERR_reason_error_string(complaint);
  ERR_clear_error();
  return Error{code, std::string(what) + (reason == nullptr ? "" : " (" + std::string(reason) + ")"), {}};
}

OwnedBio reading(std::string_view bytes) {
  return OwnedBio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

OwnedBio writing() { return OwnedBio(BIO_new(BIO_s_mem())); }

std::string written_to(const OwnedBio& bio) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &start);
  return {start, static_cast<std::size_t>(size)};
}

int no_passphrase(char*, int, int, void*) { return 0; }

}  // namespace images::keys

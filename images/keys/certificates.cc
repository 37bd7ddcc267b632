#include "images/keys/certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "images/keys/openssl_parts.h"

namespace images::keys {
namespace {

constexpr std::size_t pem_size_max = 64 << 10;
constexpr std::size_t common_name_size_max = 64;  // RFC 5280, ub-common-name
constexpr std::size_t host_names_max = 100;

template <auto release>
struct Release {
  template <typename T>
  void operator()(T* object) const {
    release(object);
  }
};

using OwnedNumber = std::unique_ptr<BIGNUM, Release<BN_free>>;
using OwnedStore = std::unique_ptr<X509_STORE, Release<X509_STORE_free>>;
using OwnedStoreContext = std::unique_ptr<X509_STORE_CTX, Release<X509_STORE_CTX_free>>;
using OwnedHostNames = std::unique_ptr<GENERAL_NAMES, Release<GENERAL_NAMES_free>>;

Result<OwnedCertificate> certificate_from(std::string_view pem) {
  if (pem.size() > pem_size_max) return Error{ErrorCode::LimitExceeded, "a certificate in PEM has at most 64 KiB", {}};
  const OwnedBio bio = reading(pem);
  OwnedCertificate certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  if (!certificate) return openssl_failure(ErrorCode::InvalidInput, "this is not a certificate in PEM");
  const OwnedCertificate another(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (another) return Error{ErrorCode::InvalidInput, "more than one certificate where one is expected", {}};
  return certificate;
}

Result<PublicKey> key_of(const X509* certificate) {
  const EVP_PKEY* const key = X509_get0_pubkey(certificate);
  if (key == nullptr) return openssl_failure(ErrorCode::InvalidInput, "the certificate holds no usable key");
  std::string der(static_cast<std::size_t>(std::max(0, i2d_PUBKEY(key, nullptr))), '\0');
  unsigned char* end = octets(der);
  if (der.empty() || i2d_PUBKEY(key, &end) <= 0)
    return openssl_failure(ErrorCode::InvalidInput, "the certificate holds no usable key");
  return PublicKey::from_der(der);
}

Result<Instant> instant_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1)
    return openssl_failure(ErrorCode::InvalidInput, "the certificate's validity is not a time");
  return Instant(std::chrono::seconds(timegm(&parts)));
}

Result<std::string> common_name_of(const X509* certificate) {
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return Error{ErrorCode::InvalidInput, "the certificate has no common name", {}};
  unsigned char* text = nullptr;
  const int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (length < 0) return openssl_failure(ErrorCode::InvalidInput, "the certificate's common name is not text");
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
  OPENSSL_free(text);
  if (name.find('\0') != std::string::npos)
    return Error{ErrorCode::InvalidInput, "the certificate's common name is not text", {}};
  return name;
}

Result<std::string> serial_of(X509* certificate) {
  const OwnedNumber number(ASN1_INTEGER_to_BN(X509_get_serialNumber(certificate), nullptr));
  if (!number || BN_is_negative(number.get()))
    return openssl_failure(ErrorCode::InvalidInput, "the certificate's serial is not a number");
  char* digits = BN_bn2hex(number.get());
  invariant(digits != nullptr, "a number can be written");
  std::string serial(digits);
  OPENSSL_free(digits);
  for (char& digit : serial) digit = static_cast<char>(std::tolower(static_cast<unsigned char>(digit)));
  return serial;
}

Done check_common_name(std::string_view name) {
  if (name.empty() || name.size() > common_name_size_max || name.find('\0') != std::string_view::npos)
    return Error{ErrorCode::InvalidInput,
                 "a certificate's common name has 1 to 64 bytes, not " + std::to_string(name.size()),
                 {}};
  return {};
}

bool set_time(ASN1_TIME* time, Instant instant) {
  return ASN1_TIME_set(time, std::chrono::floor<std::chrono::seconds>(instant).time_since_epoch().count()) != nullptr;
}

// Serial, names, validity and key: what every certificate starts with.
Result<OwnedCertificate> begun(std::string_view common_name, const PublicKey& subject, Instant not_before,
                               Instant not_after) {
  if (Done name = check_common_name(common_name); !name) return name.error();
  if (not_after <= not_before) {
    return Error{ErrorCode::InvalidInput,
                 "a certificate must end (" + text_of(not_after) + ") after it begins (" + text_of(not_before) + ")",
                 {}};
  }
  OwnedCertificate certificate(X509_new());
  const std::string serial_bytes = random_bytes(16);
  const OwnedNumber serial(BN_bin2bn(octets(serial_bytes), static_cast<int>(serial_bytes.size()), nullptr));
  const bool done = certificate && serial && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                    BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get())) != nullptr &&
                    X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, MBSTRING_UTF8,
                                               octets(common_name), static_cast<int>(common_name.size()), -1, 0) == 1 &&
                    set_time(X509_getm_notBefore(certificate.get()), not_before) &&
                    set_time(X509_getm_notAfter(certificate.get()), not_after) &&
                    X509_set_pubkey(certificate.get(), subject.native()) == 1;
  if (!done) return openssl_failure(ErrorCode::InvalidInput, "the certificate cannot be written");
  return certificate;
}

Done add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Release<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1)
    return openssl_failure(ErrorCode::IoFailure, std::string("the certificate does not take ") + OBJ_nid2sn(nid));
  return {};
}

Done add_extensions(X509* certificate, X509* issuer, const std::vector<std::pair<int, const char*>>& extensions) {
  for (const auto& [nid, value] : extensions) {
    if (Done added = add_extension(certificate, issuer, nid, value); !added) return added;
  }
  return {};
}

bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '*';
  });
}

Done add_host_names(X509* certificate, const std::vector<std::string>& host_names) {
  if (host_names.empty()) return {};
  if (host_names.size() > host_names_max)
    return Error{ErrorCode::LimitExceeded, "a certificate names at most 100 hosts", {}};
  const OwnedHostNames names(GENERAL_NAMES_new());
  for (const std::string& host_name : host_names) {
    std::unique_ptr<ASN1_OCTET_STRING, Release<ASN1_OCTET_STRING_free>> address(a2i_IPADDRESS(host_name.c_str()));
    ERR_clear_error();
    if (!address && !is_host_name(host_name))
      return Error{ErrorCode::InvalidInput, "'" + host_name + "' is neither a host name nor an IP address", {}};
    std::unique_ptr<GENERAL_NAME, Release<GENERAL_NAME_free>> name(GENERAL_NAME_new());
    if (address) {
      GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address.release());
    } else {
      std::unique_ptr<ASN1_IA5STRING, Release<ASN1_IA5STRING_free>> text(ASN1_IA5STRING_new());
      invariant(ASN1_STRING_set(text.get(), host_name.data(), static_cast<int>(host_name.size())) == 1,
                "memory for a host name");
      GENERAL_NAME_set0_value(name.get(), GEN_DNS, text.release());
    }
    invariant(sk_GENERAL_NAME_push(names.get(), name.release()) > 0, "memory for a host name");
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) != 1)
    return openssl_failure(ErrorCode::IoFailure, "the certificate does not take its host names");
  return {};
}

Result<std::string> signed_pem(X509* certificate, const PrivateKey& key) {
  const EVP_MD* const digest = EVP_PKEY_is_a(key.native(), "ED25519") == 1 ? nullptr : EVP_sha256();
  if (X509_sign(certificate, key.native(), digest) == 0)
    return openssl_failure(ErrorCode::IoFailure, "the certificate cannot be signed");
  const OwnedBio bio = writing();
  invariant(PEM_write_bio_X509(bio.get(), certificate) == 1, "a certificate can be written as PEM");
  return written_to(bio);
}

}  // namespace

Result<CertificateFacts> certificate_facts(std::string_view pem) {
  const Result<OwnedCertificate> certificate = certificate_from(pem);
  if (!certificate) return certificate.error();
  X509* const raw = certificate->get();
  Result<std::string> common_name = common_name_of(raw);
  if (!common_name) return common_name.error();
  const Result<PublicKey> key = key_of(raw);
  if (!key) return key.error();
  Result<std::string> serial = serial_of(raw);
  if (!serial) return serial.error();
  const Result<Instant> not_before = instant_of(X509_get0_notBefore(raw));
  const Result<Instant> not_after = instant_of(X509_get0_notAfter(raw));
  if (!not_before || !not_after) return not_before ? not_after.error() : not_before.error();
  return CertificateFacts{std::move(*common_name), key->id(), std::move(*serial), *not_before, *not_after};
}

Result<PublicKey> certificate_key(std::string_view pem) {
  const Result<OwnedCertificate> certificate = certificate_from(pem);
  if (!certificate) return certificate.error();
  return key_of(certificate->get());
}

Result<std::string> make_authority(const PrivateKey& key, std::string_view common_name, Instant not_before,
                                   Instant not_after) {
  const Result<OwnedCertificate> certificate = begun(common_name, key.public_key(), not_before, not_after);
  if (!certificate) return certificate.error();
  X509* const raw = certificate->get();
  if (X509_set_issuer_name(raw, X509_get_subject_name(raw)) != 1)
    return openssl_failure(ErrorCode::IoFailure, "the certificate takes no issuer");
  const Done extended = add_extensions(raw, raw,
                                       {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                        {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                        {NID_subject_key_identifier, "hash"}});
  if (!extended) return extended.error();
  return signed_pem(raw, key);
}

Result<std::string> issue_certificate(const CertificateRequest& request, const PrivateKey& authority_key,
                                      std::string_view authority_pem) {
  const Result<OwnedCertificate> authority = certificate_from(authority_pem);
  if (!authority) return authority.error().within("reading the authority's certificate");
  if (X509_check_private_key(authority->get(), authority_key.native()) != 1)
    return openssl_failure(ErrorCode::InvalidInput, "the authority's key and certificate do not belong together");
  const Result<OwnedCertificate> certificate =
      begun(request.common_name, request.subject, request.not_before, request.not_after);
  if (!certificate) return certificate.error();
  X509* const raw = certificate->get();
  if (X509_set_issuer_name(raw, X509_get_subject_name(authority->get())) != 1)
    return openssl_failure(ErrorCode::IoFailure, "the certificate takes no issuer");
  const Done extended =
      add_extensions(raw, authority->get(),
                     {{NID_basic_constraints, "critical,CA:FALSE"},
                      {NID_key_usage, "critical,digitalSignature"},
                      {NID_ext_key_usage, request.use == CertificateUse::Server ? "serverAuth" : "clientAuth"},
                      {NID_subject_key_identifier, "hash"},
                      {NID_authority_key_identifier, "keyid:always"}});
  if (!extended) return extended.error();
  if (Done named = add_host_names(raw, request.host_names); !named) return named.error();
  return signed_pem(raw, authority_key);
}

Done verify_certificate(std::string_view pem, std::string_view authority_pem, Instant now) {
  const Result<OwnedCertificate> authority = certificate_from(authority_pem);
  if (!authority) return authority.error().within("reading the authority's certificate");
  const Result<OwnedCertificate> certificate = certificate_from(pem);
  if (!certificate) return certificate.error();
  const OwnedStore store(X509_STORE_new());
  const OwnedStoreContext context(X509_STORE_CTX_new());
  const bool ready = store && context && X509_STORE_add_cert(store.get(), authority->get()) == 1 &&
                     X509_STORE_CTX_init(context.get(), store.get(), certificate->get(), nullptr) == 1;
  if (!ready) return openssl_failure(ErrorCode::IoFailure, "OpenSSL cannot verify certificates");
  X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  const bool verified = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (verified) return {};
  return Error{ErrorCode::Unauthenticated,
               std::string("the certificate is not accepted at ") + text_of(now) + ": " +
                   X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())),
               {}};
}

}  // namespace images::keys

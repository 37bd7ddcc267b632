// Goal: what we issue is what the rest of the world calls a certificate, and only our own authority's are accepted.
// Method: issue, read back, verify at chosen instants, and let the openssl program judge where it is installed.
#include "images/keys/certificates.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace images::keys {
namespace {

class Certificates : public ::testing::Test {
 protected:
  [[nodiscard]] CertificateRequest request() const {
    return {machine_.id().text,
            machine_.public_key(),
            CertificateUse::Client,
            {},
            begin_,
            begin_ + std::chrono::hours(24 * 30)};
  }
  [[nodiscard]] std::string issued() const { return *issue_certificate(request(), authority_key_, authority_); }

  const Instant begin_ = *instant_from("2026-11-21T08:00:00Z");
  const Instant end_ = *instant_from("2046-11-21T08:00:00Z");
  const PrivateKey authority_key_ = *PrivateKey::generate(KeyKind::MachineKey);
  const std::string authority_ = *make_authority(authority_key_, "Leaseback fleet", begin_, end_);
  const PrivateKey machine_ = *PrivateKey::generate(KeyKind::MachineKey);
};

TEST_F(Certificates, TellTheFactsTheyWereIssuedWith) {
  const Result<CertificateFacts> facts = certificate_facts(issued());
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->common_name, machine_.id().text);
  EXPECT_EQ(facts->subject_key, machine_.id());
  EXPECT_EQ(facts->not_before, begin_);
  EXPECT_EQ(facts->not_after, begin_ + std::chrono::hours(24 * 30));
  EXPECT_GE(facts->serial.size(), 24U);
  EXPECT_NE(certificate_facts(issued())->serial, facts->serial);
  EXPECT_EQ(certificate_key(issued())->id(), machine_.id());
  EXPECT_EQ(certificate_facts(authority_)->common_name, "Leaseback fleet");
}

TEST_F(Certificates, AreGoodOnlyBetweenTheirDates) {
  const std::string pem = issued();
  EXPECT_EQ(verify_certificate(pem, authority_, begin_ - std::chrono::seconds(1)).error().code,
            ErrorCode::Unauthenticated);
  EXPECT_TRUE(verify_certificate(pem, authority_, begin_));
  EXPECT_TRUE(verify_certificate(pem, authority_, begin_ + std::chrono::hours(24 * 29)));
  EXPECT_EQ(verify_certificate(pem, authority_, begin_ + std::chrono::hours(24 * 31)).error().code,
            ErrorCode::Unauthenticated);
}

TEST_F(Certificates, OfAnotherAuthorityOfTheSameNameAreRefused) {
  const PrivateKey other_key = *PrivateKey::generate(KeyKind::MachineKey);
  const std::string other = *make_authority(other_key, "Leaseback fleet", begin_, end_);
  const std::string forged = *issue_certificate(request(), other_key, other);
  EXPECT_TRUE(verify_certificate(forged, other, begin_));
  EXPECT_EQ(verify_certificate(forged, authority_, begin_).error().code, ErrorCode::Unauthenticated);
}

TEST_F(Certificates, OfAMachineIssueNothing) {
  const std::string machine_pem = issued();
  CertificateRequest further = request();
  further.common_name = "a machine that plays authority";
  const Result<std::string> forged = issue_certificate(further, machine_, machine_pem);
  ASSERT_TRUE(forged);
  EXPECT_EQ(verify_certificate(*forged, authority_, begin_).error().code, ErrorCode::Unauthenticated);
  EXPECT_EQ(verify_certificate(*forged, machine_pem, begin_).error().code, ErrorCode::Unauthenticated);
}

TEST_F(Certificates, AreNotIssuedForUnlawfulRequests) {
  CertificateRequest bad = request();
  bad.common_name = std::string(65, 'x');
  EXPECT_EQ(issue_certificate(bad, authority_key_, authority_).error().code, ErrorCode::InvalidInput);
  bad = request();
  bad.common_name = "";
  EXPECT_EQ(issue_certificate(bad, authority_key_, authority_).error().code, ErrorCode::InvalidInput);
  bad = request();
  bad.not_after = bad.not_before;
  EXPECT_EQ(issue_certificate(bad, authority_key_, authority_).error().code, ErrorCode::InvalidInput);
  bad = request();
  bad.host_names = {"fleet.example", "not a host"};
  EXPECT_EQ(issue_certificate(bad, authority_key_, authority_).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(issue_certificate(request(), machine_, authority_).error().code, ErrorCode::InvalidInput)
      << "key and certificate of different authorities";
}

TEST_F(Certificates, AreOneWholePemOrNothing) {
  const std::string pem = issued();
  EXPECT_FALSE(certificate_facts(""));
  EXPECT_FALSE(certificate_facts(pem.substr(0, pem.size() / 2)));
  EXPECT_FALSE(certificate_facts(pem + authority_));
  EXPECT_EQ(certificate_facts(std::string(70'000, 'x')).error().code, ErrorCode::LimitExceeded);
}

TEST_F(Certificates, SatisfyTheOpensslProgram) {
  if (std::system("openssl version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no openssl program here";
  std::string pattern = std::filesystem::temp_directory_path() / "leaseback-certificates-XXXXXX";
  const std::string folder = ::mkdtemp(pattern.data());
  CertificateRequest server = request();
  server.use = CertificateUse::Server;
  server.host_names = {"fleet.example", "127.0.0.1", "::1"};
  std::ofstream(folder + "/authority.pem") << authority_;
  std::ofstream(folder + "/machine.pem") << issued();
  std::ofstream(folder + "/server.pem") << *issue_certificate(server, authority_key_, authority_);
  const PrivateKey line = *PrivateKey::generate(KeyKind::SigningKey);
  std::ofstream(folder + "/line.key") << line.pem();
  std::ofstream(folder + "/line.pub") << line.public_key().pem();
  std::ofstream(folder + "/message") << "message";
  std::ofstream(folder + "/signature", std::ios::binary) << *line.sign("message");
  const auto accepts = [&](const std::string& words) {
    return std::system(("cd " + folder + " && openssl " + words + " >out 2>&1").c_str()) == 0;
  };
  const std::string at =
      " -attime " + std::to_string(std::chrono::floor<std::chrono::seconds>(begin_).time_since_epoch().count() + 60);
  EXPECT_TRUE(accepts("verify -x509_strict -CAfile authority.pem -purpose sslclient" + at + " machine.pem"));
  EXPECT_FALSE(accepts("verify -x509_strict -CAfile authority.pem -purpose sslserver" + at + " machine.pem"));
  EXPECT_TRUE(accepts("verify -x509_strict -CAfile authority.pem -purpose sslserver -verify_hostname fleet.example" +
                      at + " server.pem"));
  EXPECT_TRUE(accepts("verify -x509_strict -CAfile authority.pem -verify_ip ::1" + at + " server.pem"));
  EXPECT_FALSE(
      accepts("verify -x509_strict -CAfile authority.pem -verify_hostname other.example" + at + " server.pem"));
  EXPECT_TRUE(accepts("pkeyutl -verify -rawin -pubin -inkey line.pub -sigfile signature -in message"));
  EXPECT_TRUE(accepts("pkey -in line.key -check -noout"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace images::keys

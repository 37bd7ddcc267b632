#include "provision/lease/tss_tpm.h"

#include <fmt/core.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace provision::lease {
namespace {

constexpr std::size_t part_max = 2048;
constexpr std::size_t key_size = 32;

// Whatever the TSS hands out by pointer is freed by it; `Wiped` for what is secret.
template <typename T>
using Owned = std::unique_ptr<T, decltype([](T* value) { Esys_Free(value); })>;
template <typename T>
using Wiped = std::unique_ptr<T, decltype([](T* value) {
                                ::explicit_bzero(value, sizeof(T));
                                Esys_Free(value);
                              })>;

// The TPM itself said no, as opposed to a library or driver that did not reach it.
bool answered_by_tpm(TSS2_RC code) { return (code & TSS2_RC_LAYER_MASK) == 0; }

// A code without the number of the session, handle or parameter that it is about.
TSS2_RC kind_of(TSS2_RC code) { return (code & TPM2_RC_FMT1) != 0 ? code & (TPM2_RC_FMT1 | 0x3F) : code; }

Error failure(std::string_view act, TSS2_RC code) {
  return {ErrorCode::Unavailable, fmt::format("the TPM: {} failed with code 0x{:08x} (tpm2_rc_decode explains it)", act, code), {}};
}

Error refusal(std::string_view why, TSS2_RC code) {
  return {ErrorCode::Refused, fmt::format("the TPM refuses the key: {} (code 0x{:08x})", why, code), {}};
}

TPML_PCR_SELECTION selection_of(const std::vector<std::uint32_t>& registers) {
  TPML_PCR_SELECTION selection{};
  selection.count = 1;
  selection.pcrSelections[0].hash = TPM2_ALG_SHA256;
  selection.pcrSelections[0].sizeofSelect = 3;
  for (const std::uint32_t number : registers)
    selection.pcrSelections[0].pcrSelect[number / 8] |= static_cast<BYTE>(1U << (number % 8));
  return selection;
}

constexpr TPMT_SYM_DEF session_cipher() {
  TPMT_SYM_DEF cipher{};
  cipher.algorithm = TPM2_ALG_AES;
  cipher.keyBits.aes = 128;
  cipher.mode.aes = TPM2_ALG_CFB;
  return cipher;
}

// The storage key of the TCG's provisioning guidance (ECC P-256): the TPM makes the same one each time, until its owner
// clears it.
TPM2B_PUBLIC storage_key_template() {
  TPM2B_PUBLIC wanted{};
  TPMT_PUBLIC& area = wanted.publicArea;
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA;
  area.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_AES;
  area.parameters.eccDetail.symmetric.keyBits.aes = 128;
  area.parameters.eccDetail.symmetric.mode.aes = TPM2_ALG_CFB;
  area.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
  area.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
  area.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
  return wanted;
}

}  // namespace

struct TssTpm::Connection {
  TSS2_TCTI_CONTEXT* transport = nullptr;
  ESYS_CONTEXT* context = nullptr;
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    Esys_Finalize(&context);
    Tss2_TctiLdr_Finalize(&transport);
  }

  // A transient object or session: a TPM without a resource manager has room for three.
  class Handle {
   public:
    explicit Handle(ESYS_CONTEXT* context, ESYS_TR number) : context_(context), number_(number) {}
    Handle(Handle&& other) noexcept : context_(other.context_), number_(std::exchange(other.number_, ESYS_TR_NONE)) {}
    Handle& operator=(Handle&&) = delete;
    ~Handle() {
      if (number_ != ESYS_TR_NONE) Esys_FlushContext(context_, number_);
    }
    [[nodiscard]] ESYS_TR number() const { return number_; }

   private:
    ESYS_CONTEXT* context_;
    ESYS_TR number_;
  };

  Result<Handle> storage_key();
  Result<Handle> session(const Handle& salted_by, TPM2_SE kind);
  Result<TPM2B_DIGEST> policy_now(const Handle& salted_by, const TPML_PCR_SELECTION& selection);
};

Result<TssTpm::Connection::Handle> TssTpm::Connection::storage_key() {
  const TPM2B_PUBLIC wanted = storage_key_template();
  const TPM2B_SENSITIVE_CREATE nothing{};
  const TPM2B_DATA outside{};
  const TPML_PCR_SELECTION creation{};
  ESYS_TR number = ESYS_TR_NONE;
  const TSS2_RC code = Esys_CreatePrimary(context, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &nothing, &wanted,
                                          &outside, &creation, &number, nullptr, nullptr, nullptr, nullptr);
  if (code != TSS2_RC_SUCCESS) return failure("making its storage key", code);
  return Handle(context, number);
}

Result<TssTpm::Connection::Handle> TssTpm::Connection::session(const Handle& salted_by, TPM2_SE kind) {
  const TPMT_SYM_DEF cipher = session_cipher();
  ESYS_TR number = ESYS_TR_NONE;
  TSS2_RC code = Esys_StartAuthSession(context, salted_by.number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nullptr, kind,
                                       &cipher, TPM2_ALG_SHA256, &number);
  if (code != TSS2_RC_SUCCESS) return failure("beginning a session", code);
  Handle session(context, number);
  constexpr TPMA_SESSION kept_and_encrypted = TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT;
  code = Esys_TRSess_SetAttributes(context, number, kept_and_encrypted, 0xFF);
  if (code != TSS2_RC_SUCCESS) return failure("encrypting a session", code);
  return session;
}

// The digest of "these registers hold what they hold now".
Result<TPM2B_DIGEST> TssTpm::Connection::policy_now(const Handle& salted_by, const TPML_PCR_SELECTION& selection) {
  Result<Handle> trial = session(salted_by, TPM2_SE_TRIAL);
  if (!trial) return trial.error();
  const TPM2B_DIGEST as_they_are{};
  TSS2_RC code =
      Esys_PolicyPCR(context, trial->number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are, &selection);
  if (code != TSS2_RC_SUCCESS) return failure("reading its registers into a policy", code);
  TPM2B_DIGEST* digest = nullptr;
  code = Esys_PolicyGetDigest(context, trial->number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &digest);
  const Owned<TPM2B_DIGEST> owned(digest);
  if (code != TSS2_RC_SUCCESS) return failure("reading a policy", code);
  return *digest;
}

TssTpm::TssTpm(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
TssTpm::~TssTpm() = default;

Result<std::unique_ptr<Tpm>> TssTpm::open(const std::string& place) {
  // The TSS writes its complaints to stderr unless told not to; every failure comes back as an Error here.
  ::setenv("TSS2_LOG", "all+NONE", 0);
  auto connection = std::make_unique<Connection>();
  TSS2_RC code = Tss2_TctiLdr_Initialize(place.c_str(), &connection->transport);
  if (code != TSS2_RC_SUCCESS) return failure("reaching it at " + place, code);
  code = Esys_Initialize(&connection->context, connection->transport, nullptr);
  if (code != TSS2_RC_SUCCESS) return failure("speaking to it at " + place, code);
  return std::unique_ptr<Tpm>(new TssTpm(std::move(connection)));
}

Result<bool> TssTpm::boot_state_is_measured() {
  const TPML_PCR_SELECTION selection = selection_of({boot_state_register});
  TPML_PCR_SELECTION* selected = nullptr;
  TPML_DIGEST* values = nullptr;
  const TSS2_RC code = Esys_PCR_Read(connection_->context, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &selection, nullptr, &selected, &values);
  const Owned<TPML_PCR_SELECTION> owned_selection(selected);
  const Owned<TPML_DIGEST> owned_values(values);
  if (code != TSS2_RC_SUCCESS) return failure("reading its registers", code);
  if (values->count != 1 || values->digests[0].size != key_size)
    return Error{ErrorCode::Unsupported,
                 fmt::format("this TPM keeps no SHA-256 register {}; turn on its SHA-256 bank in the firmware's setup", boot_state_register), {}};
  const BYTE* bytes = values->digests[0].buffer;
  const auto all = [&](BYTE value) { return std::all_of(bytes, bytes + key_size, [value](BYTE byte) { return byte == value; }); };
  return !all(0x00) && !all(0xFF);
}

Result<SealedKey> TssTpm::seal(const Secret& key) {
  invariant(key.bytes().size() == key_size, "what is sealed is a slot key");
  if (Result<bool> kept = boot_state_is_measured(); !kept) return kept.error();
  SealedKey sealed{.bank = "sha256", .registers = {boot_state_register}, .public_part = {}, .private_part = {}};
  auto parent = connection_->storage_key();
  if (!parent) return parent.error();
  auto policy = connection_->policy_now(*parent, selection_of(sealed.registers));
  if (!policy) return policy.error();
  auto session = connection_->session(*parent, TPM2_SE_HMAC);
  if (!session) return session.error();

  TPM2B_PUBLIC wanted{};
  wanted.publicArea.type = TPM2_ALG_KEYEDHASH;
  wanted.publicArea.nameAlg = TPM2_ALG_SHA256;
  // No USERWITHAUTH: the policy is the only way in. NODA: wrong boot states must not lock the owner's TPM.
  wanted.publicArea.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA;
  wanted.publicArea.authPolicy = *policy;
  wanted.publicArea.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
  TPM2B_SENSITIVE_CREATE sensitive{};
  sensitive.sensitive.data.size = key_size;
  std::memcpy(sensitive.sensitive.data.buffer, key.bytes().data(), key_size);
  const TPM2B_DATA outside{};
  const TPML_PCR_SELECTION creation{};
  TPM2B_PRIVATE* private_part = nullptr;
  TPM2B_PUBLIC* public_part = nullptr;
  // The parent's own authorization is empty; the session is there to encrypt.
  const TSS2_RC code = Esys_Create(connection_->context, parent->number(), session->number(), ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
                                   &wanted, &outside, &creation, &private_part, &public_part, nullptr, nullptr, nullptr);
  ::explicit_bzero(&sensitive, sizeof sensitive);
  const Owned<TPM2B_PRIVATE> owned_private(private_part);
  const Owned<TPM2B_PUBLIC> owned_public(public_part);
  if (code != TSS2_RC_SUCCESS) return failure("sealing the key", code);
  std::uint8_t buffer[part_max];
  std::size_t length = 0;
  if (Tss2_MU_TPM2B_PUBLIC_Marshal(public_part, buffer, sizeof buffer, &length) != TSS2_RC_SUCCESS)
    return failure("writing down a sealed key", code);
  sealed.public_part.assign(reinterpret_cast<const char*>(buffer), length);
  length = 0;
  if (Tss2_MU_TPM2B_PRIVATE_Marshal(private_part, buffer, sizeof buffer, &length) != TSS2_RC_SUCCESS)
    return failure("writing down a sealed key", code);
  sealed.private_part.assign(reinterpret_cast<const char*>(buffer), length);
  return sealed;
}

Result<Secret> TssTpm::unseal(const SealedKey& sealed) {
  const auto octets = [](const std::string& text) { return reinterpret_cast<const std::uint8_t*>(text.data()); };
  TPM2B_PUBLIC public_part{};
  TPM2B_PRIVATE private_part{};
  std::size_t at = 0;
  TSS2_RC code = Tss2_MU_TPM2B_PUBLIC_Unmarshal(octets(sealed.public_part), sealed.public_part.size(), &at, &public_part);
  if (code != TSS2_RC_SUCCESS) return refusal("its public part is damaged", code);
  at = 0;
  code = Tss2_MU_TPM2B_PRIVATE_Unmarshal(octets(sealed.private_part), sealed.private_part.size(), &at, &private_part);
  if (code != TSS2_RC_SUCCESS) return refusal("its private part is damaged", code);

  auto parent = connection_->storage_key();
  if (!parent) return parent.error();
  ESYS_TR number = ESYS_TR_NONE;
  code = Esys_Load(connection_->context, parent->number(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &private_part, &public_part, &number);
  if (code != TSS2_RC_SUCCESS)
    return answered_by_tpm(code) ? refusal("it was sealed by another TPM, or by this one before it was cleared", code) : failure("loading the key", code);
  const Connection::Handle object(connection_->context, number);
  auto session = connection_->session(*parent, TPM2_SE_POLICY);
  if (!session) return session.error();
  const TPML_PCR_SELECTION selection = selection_of(sealed.registers);
  const TPM2B_DIGEST as_they_are{};
  code = Esys_PolicyPCR(connection_->context, session->number(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &as_they_are, &selection);
  if (code != TSS2_RC_SUCCESS) return failure("reading its registers into a policy", code);
  TPM2B_SENSITIVE_DATA* data = nullptr;
  code = Esys_Unseal(connection_->context, object.number(), session->number(), ESYS_TR_NONE, ESYS_TR_NONE, &data);
  const Wiped<TPM2B_SENSITIVE_DATA> owned(data);
  if (code != TSS2_RC_SUCCESS) {
    if (kind_of(code) == TPM2_RC_POLICY_FAIL)
      return refusal("the boot state changed since it was sealed: other firmware, Secure Boot settings or boot loader", code);
    return failure("unsealing the key", code);
  }
  return Secret(std::string(reinterpret_cast<const char*>(data->buffer), data->size));
}

std::string own_tpm() {
  // The kernel's own resource manager: whatever else speaks to the TPM goes on undisturbed.
  for (const char* path : {"/dev/tpmrm0", "/dev/tpm0"})
    if (::access(path, R_OK | W_OK) == 0) return fmt::format("device:{}", path);
  return {};
}

}  // namespace provision::lease

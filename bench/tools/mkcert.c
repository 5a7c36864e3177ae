/* Writes a self-signed ECDSA P-256 certificate for 127.0.0.1 and its key: mkcert CERT KEY. */
#include <stdio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static int write_pair(const char *cert_path, const char *key_path, X509 *cert, EVP_PKEY *key) {
    FILE *cert_file = fopen(cert_path, "w"), *key_file = fopen(key_path, "w");
    if (!cert_file || !key_file) return 0;
    int ok = PEM_write_X509(cert_file, cert) && PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL);
    return !fclose(cert_file) && !fclose(key_file) && ok;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    if (!key || !cert) return 1;
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * 365);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"127.0.0.1", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    if (!X509_sign(cert, key, EVP_sha256())) return 1;
    return write_pair(argv[1], argv[2], cert, key) ? 0 : 1;
}

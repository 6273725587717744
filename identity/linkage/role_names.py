"""What columns and traits are called, in the languages and short forms that people use. Pure.

A trait of a profile has a role only by a name that is here; a file's columns may be somebody's, too: `customer_city`.
"""

import re
from functools import lru_cache

from identity.linkage.cleaning import fold


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ROLES: dict[str, frozenset[str]] = {
    "given": _names(
        "first_name firstname first first_nm f_name fname fname_c1 given_name givenname given given_names forename"
        " forenames first_names christian_name firstgivenname vorname vornamen rufname prenom prenoms nombre nombres"
        " primer_nombre nombre_pila nome primeiro_nome voornaam voornamen fornavn fornamn imie etunimi"
    ),
    "middle": _names(
        "middle_name middlename middle middle_nm middle_names middle_initial middleinitial mi m_name mname midl_name"
        " first_name2 first_name_2 fname_c2 second_name second_given_name given_name2 other_names other_given_names"
        " surname2 surname_2 last_name2 last_name_2 lname_c2 second_surname maiden_name birth_name nickname nick_name"
        " zweiter_vorname geburtsname deuxieme_prenom nom_de_naissance segundo_nombre segundo_apellido apellido2"
        " apellido_2 apellido_materno nome_do_meio"
    ),
    "surname": _names(
        "last_name lastname last last_nm l_name lname lname_c1 surname surnames sur_name surnm sname s_name family_name"
        " familyname nachname familienname zuname nom nom_famille nom_de_famille apellido apellidos apellido1"
        " apellido_1 primer_apellido apellido_paterno cognome sobrenome apelido achternaam etternavn efternavn"
        " efternamn nazwisko sukunimi"
    ),
    "full": _names(
        "name full_name fullname full_nm display_name customer_name contact_name person_name patient_name"
        " vollstaendiger_name vollstandiger_name nom_complet nom_prenom nombre_completo nome_completo nome_cognome"
        " volledige_naam naam"
    ),
    "email": _names(
        "email e_mail mail email_address emailaddress mail_address e_mail_address email_addr e_mail_addr email1 email2"
        " email_1 email_2 e_mail_adresse mailadresse emailadresse courriel adresse_mail adresse_email correo"
        " correo_electronico posta_elettronica"
    ),
    "phone": _names(
        "phone mobile telephone tel cell landline ph phn mob phone_number phone_no phone_num phonenumber ph_no"
        " mobile_phone mobile_number mobile_no mob_no cell_phone cellphone cell_number home_phone day_phone"
        " telephone_number telephone_no tel_no tel_number full_phone_number contact_number phone1 phone2 phone_1"
        " phone_2 telefon telefonnummer telefonnr rufnummer handy handynummer mobil mobiltelefon festnetz"
        " numero_telephone numero_de_telephone telefono telefono_movil movil celular numero_telefono telefone telemovel"
        " cellulare telefoon telefoonnummer"
    ),
    "birth_date": _names(
        "birthday birth_date birthdate date_of_birth dateofbirth dob d_o_b bday b_date bdate birth_dt dob_dt born"
        " geburtsdatum geburtstag geb_datum gebdat geb_dat geboren date_naissance date_de_naissance datenaissance"
        " ne_le fecha_nacimiento fecha_de_nacimiento fechanacimiento fec_nac f_nacimiento data_nascita data_di_nascita"
        " data_nascimento data_de_nascimento geboortedatum fodselsdato fodelsedatum"
    ),
    "birth_year": _names(
        "birth_year birthyear birth_yr year_of_birth dob_year dob_yr dob_y yob year_birth geburtsjahr annee_naissance"
        " annee_de_naissance ano_nacimiento ano_de_nacimiento anno_nascita ano_nascimento geboortejaar"
    ),
    "birth_month": _names(
        "birth_month birthmonth month_of_birth dob_month dob_mon dob_mth dob_m month_birth geburtsmonat"
        " mois_naissance mes_nacimiento mese_nascita mes_nascimento"
    ),
    "birth_day": _names(
        "birth_day day_of_birth dob_day dob_d day_birth jour_naissance dia_nacimiento giorno_nascita"
        " dia_nascimento"
    ),
    "street": _names(
        "street street_address streetaddress street_addr address address1 address_1 address_line1 address_line_1"
        " addressline1 line1 line_1 street_name streetname street_nm street1 street_1 addr addr1 addr_1 addr_line1"
        " addr_line_1 add1 full_address strasse str anschrift adresse adresse1 adresse_1 rue voie direccion calle"
        " domicilio indirizzo endereco rua logradouro adres straat"
    ),
    "house": _names(
        "house_number street_number street_no street_num house_no house_num housenumber housenr house hausnummer hausnr"
        " hnr numero_rue numero_voie numero_calle numero_civico huisnummer"
    ),
    "city": _names(
        "city town suburb locality city_name town_name municipality post_town ort wohnort stadt ville commune localite"
        " ciudad localidad municipio poblacion citta comune cidade plaats woonplaats gemeente"
    ),
    "postcode": _names(
        "postcode post_code postal_code postalcode postal pcode post_cd postal_cd zip zip_code zipcode zip_cd zip5"
        " zipcd postcode_fake plz postleitzahl code_postal codepostal codigo_postal codigopostal cp cep"
        " codice_postale"
    ),
    # Told by the postcode or the city: known, so that nobody takes them for facts of their own.
    "region": _names(
        "state state_cd state_code state_name region province county county_name country country_code country_name"
        " address_2 address2 address_line_2 address_line2 addr2 addr_2 addr_line2 addr_line_2 line2 line_2 street2"
        " street_2 bundesland departement pays provincia estado pais regione nazione"
    ),
    "sex": _names("sex gender sex_code gender_code geschlecht sexe genre sexo genero sesso geslacht"),
    "number": _names(
        "ssn ss_number soc_sec_id soc_sec_no social_security social_security_number national_id"
        " national_insurance_number tax_id passport_number passport_no nhs_number medicare_number steuernummer"
        " steuer_id nir numero_securite_sociale dni nie nif nss curp cpf codice_fiscale bsn"
    ),
}  # fmt: skip
# Told by the birth date, and another one next year.
AGES = _names("age age_years age_in_years age_at_visit birth_age alter edad eta idade leeftijd")

_ROLE_OF = {name: role for role, names in ROLES.items() for name in names}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Whose, or which: said before the name of a column. Not who else's (`employer_city`), nor where else things are sent.
_OWNERS = _names(
    "applicant billing client cust customer guest home holder legal mailing main member patient per person permanent"
    " personal primary res resident residence residential subject voter"
)
# What is theirs is not the person's, and people who share it are colleagues, or have one doctor.
_OTHERS = _names("employer company business store branch shop school agent doctor physician hospital provider")
_INNER = _names("address addr full")
_PARTS = _names("unit unit_number id code")
_ENDS = _names("1 clean desc raw std text txt value")


@lru_cache(maxsize=10_000)
def snake(name: str) -> str:
    """A name in lower case with `_` between its words, and without accents."""
    return re.sub(r"[^a-z0-9]+", "_", fold(_CAMEL.sub("_", name))).strip("_")


@lru_cache(maxsize=10_000)
def role_of(name: str) -> str | None:
    """The role of a column or trait by its name, or None when the name is not one we know."""
    words = snake(name)
    return _ROLE_OF.get(words) or _ROLE_OF.get(words.replace("_", ""))


def is_of_others(name: str) -> bool:
    """Whether a column holds the name, the address or the telephone of somebody else: `employer_city`."""
    owner, _, rest = snake(name).partition("_")
    return owner in _OTHERS and (role_of_owned(rest) is not None or rest in _PARTS)


def role_of_owned(name: str) -> str | None:
    """The role of a column whose name says whose it is: `customer_city`, `mailing_address_zipcode`."""
    words = snake(name).split("_")
    while len(words) > 1 and words[0] in _OWNERS:
        words = words[1:]
    while len(words) > 1 and words[-1] in _ENDS:
        words = words[:-1]
    return role_of("_".join(words)) or (role_of("_".join(words[1:])) if words[0] in _INNER else None)

/* Completion for bash and zsh. Each command writes a part for its options; the program writes what stands around. */
#include "tools/common/command_help.h"

#include <string.h>

#include "engine/archive/parameters.h"
#include "engine/model/network.h"

/* ---- what may follow an option ---- */

typedef enum {
    ANYTHING,
    FILES,
    FOLDERS,
    WORDS
} value_kind; /* ANYTHING: a number, say, that nobody can guess */

static void add_word(char *words, size_t size, const char *word) {
    const size_t n = strlen(words);
    snprintf(words + n, size - n, "%s%s", n ? " " : "", word);
}

/* The words are those that the option's value may be, apart by spaces. */
static value_kind value_of(const siren_option *option, char *words, size_t size) {
    const siren_setting row = siren_option_row(option);
    const char *name;
    *words = '\0';
    if (option->type == SIREN_OPTION_TEXT) {
        if (strcmp(option->argument, "D") == 0) add_word(words, size, "cpu gpu host");
        if (*words) return WORDS;
        static const value_kind of_paths[] = {
            [SIREN_PATH_NONE] = ANYTHING, [SIREN_PATH_FILE] = FILES, [SIREN_PATH_FOLDER] = FOLDERS};
        return of_paths[siren_option_path(option)];
    }
    if (option->type != SIREN_OPTION_SETTING) return ANYTHING;
    if (row.type == SIREN_SETTING_CHOICE)
        for (size_t i = 0; row.names[i]; i++) add_word(words, size, row.names[i]);
    if (row.type == SIREN_SETTING_BLOCKS) add_word(words, size, "slice volume patch:16x16x16");
    if (row.type == SIREN_SETTING_MODEL) {
        if (strstr(row.values_option, SIREN_MODEL_AUTO))
            add_word(words, size, SIREN_MODEL_AUTO " " SIREN_MODEL_TRANSFORM " " SIREN_MODEL_PREDICTIVE);
        for (size_t i = 0; (name = siren_model_name(i)); i++) add_word(words, size, name);
    }
    if (row.type == SIREN_SETTING_WEIGHTS) {
        char weights[16];
        add_word(words, size, siren_weights_name(SIREN_FLOAT32_WEIGHTS, weights));
        for (unsigned bits = SIREN_MIN_WEIGHT_BITS; bits <= SIREN_MAX_WEIGHT_BITS; bits++)
            add_word(words, size, siren_weights_name(bits, weights));
    }
    return *words ? WORDS : ANYTHING;
}

/* ---- bash ---- */

void siren_bash_program(bool end, FILE *out) {
    const siren_command *command;
    if (end) {
        fputs("    esac\n"
              "    case $values in\n"
              "    files) COMPREPLY=() ;;\n"
              "    folders)\n"
              "        compopt -o filenames 2>/dev/null\n"
              "        mapfile -t COMPREPLY < <(compgen -d -- \"$word\")\n"
              "        ;;\n"
              "    nothing) compopt +o default 2>/dev/null ;;\n"
              "    ?*) mapfile -t COMPREPLY < <(compgen -W \"${values#=}\" -- \"$word\") ;;\n"
              "    *) [[ $word != -* ]] || mapfile -t COMPREPLY < <(compgen -W \"$options --help\" -- "
              "\"$word\") ;;\n"
              "    esac\n"
              "}\n"
              "complete -o default -F _sirencl sirencl\n",
              out);
        return;
    }
    fprintf(
        out,
        "# Completion of sirencl %s for bash, as 'sirencl --help=bash' writes it.\n"
        "_sirencl() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} values='' options=''\n"
        "    COMPREPLY=()\n"
        "    # --name=value comes as three words\n"
        "    if [[ $word == '=' ]]; then\n"
        "        word=''\n"
        "    elif [[ $before == '=' ]] && ((COMP_CWORD > 2)); then\n"
        "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
        "    fi\n"
        "    if ((COMP_CWORD == 1)); then\n"
        "        mapfile -t COMPREPLY < <(compgen -W '",
        siren_version());
    for (size_t i = 0; (command = siren_command_at(i)); i++) fprintf(out, "%s ", command->name);
    fputs("help --help --version' -- \"$word\")\n"
          "        return\n"
          "    fi\n"
          "    case ${COMP_WORDS[1]} in\n",
          out);
}

void siren_bash_command(const siren_usage *usage, FILE *out) {
    static const char *const kinds[] = {[ANYTHING] = "nothing", [FILES] = "files", [FOLDERS] = "folders"};
    char words[1024];
    fprintf(out, "    %s)\n        options='", usage->command);
    for (size_t i = 0; i < usage->n_options; i++)
        fprintf(out, "%s--%s", i ? " " : "", usage->options[i].name);
    fputs("'\n        case $before in\n", out);
    for (size_t i = 0; i < usage->n_options; i++) {
        const siren_option *option = &usage->options[i];
        if (option->type == SIREN_OPTION_FLAG) continue;
        const value_kind kind = value_of(option, words, sizeof words);
        fprintf(out, "        --%s%s) values='%s%s' ;;\n", option->name,
                strcmp(option->name, "output") == 0 ? " | -o" : "", kind == WORDS ? "=" : "",
                kind == WORDS ? words : kinds[kind]);
    }
    fputs("        esac\n        ;;\n", out);
}

/* ---- zsh ---- */

/* Text within a pair of single quotes, for _arguments and _describe, which take ':' and brackets for their own. */
static void put_zsh(FILE *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr(":[]\\", *text))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text == '\n' ? ' ' : *text, out);
    }
}

void siren_zsh_program(bool end, FILE *out) {
    const siren_command *command;
    if (end) {
        fputs("    esac\n}\n_sirencl \"$@\"\n", out);
        return;
    }
    fprintf(out,
            "#compdef sirencl\n"
            "# Completion of sirencl %s for zsh, as 'sirencl --help=zsh' writes it.\n"
            "_sirencl() {\n"
            "    local -a commands\n"
            "    commands=(\n",
            siren_version());
    for (size_t i = 0; (command = siren_command_at(i)); i++) {
        fprintf(out, "        '%s:", command->name);
        put_zsh(out, command->help);
        fputs("'\n", out);
    }
    fputs("    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe -t commands command commands\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    (( CURRENT-- ))\n"
          "    case $words[1] in\n",
          out);
}

void siren_zsh_command(const siren_usage *usage, FILE *out) {
    char words[1024], text[SIREN_OPTION_TEXT_CHARS];
    fprintf(out, "    %s)\n        _arguments \\\n", usage->command);
    for (size_t i = 0; i < usage->n_options; i++) {
        const siren_option *option = &usage->options[i];
        const bool flag = option->type == SIREN_OPTION_FLAG, output = strcmp(option->name, "output") == 0;
        if (output) fprintf(out, "            '(-o --output)'{-o+,--output=}'[");
        if (!output) fprintf(out, "            '--%s%s[", option->name, flag ? "" : "=");
        put_zsh(out, siren_option_text(option, false, text));
        fputc(']', out);
        if (!flag) {
            const value_kind kind = value_of(option, words, sizeof words);
            fputc(':', out);
            put_zsh(out, option->argument);
            if (kind == WORDS) {
                fputs(":(", out);
                put_zsh(out, words);
                fputc(')', out);
            } else {
                fputs(kind == FILES ? ":_files" : kind == FOLDERS ? ":_files -/" : ": ", out);
            }
        }
        fputs("' \\\n", out);
    }
    fputs("            '(- *)'{-h,--help}'[this text]' \\\n            '*:file:_files'\n        ;;\n", out);
}
